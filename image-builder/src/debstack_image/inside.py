# SPDX-License-Identifier: Apache-2.0
"""The part of the program that runs in the namespaces: builds, then gives the files their names."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from debstack.base.main import run_main
from debstack_image import progress
from debstack_image.build import Build, Result
from debstack_image.content import asked, described
from debstack_image.manifest import render, sha256
from debstack_image.namespace import hold_to_lifeline, inside_scratch
from debstack_image.parsing import parse_command_line
from debstack_image.settings import Settings
from debstack_image.tools import versions
from debstack_image.validation import resolved

PROGRAM = "build-openstack-debian-image"


def _build_information(settings: Settings, result: Result) -> dict[str, Any]:
    assert result.sources is not None  # noqa: S101 - a build has them
    return {
        "digest": result.digest,
        "source-date-epoch": result.epoch,
        "sources": result.sources.build,
        "asked": asked(settings),
        "settings": described(settings),
        "tools": versions(settings),
    }


def finish(settings: Settings, result: Result, unfinished: list[Path]) -> None:
    """Write manifest and checksums, then give every file its name, the checksums last."""
    title, folder = settings.title, settings.output
    with progress.step("manifest and checksums"):
        sums = {name: sha256(path) for name, path in sorted(result.files.items())}
        texts = {
            f"{title}.manifest.json": render(
                result.packages, _build_information(settings, result), sums
            )
        }
        for name, text in texts.items():
            part = folder / f".{name}.{inside_scratch().name}.part"
            unfinished.append(part)
            part.write_text(text, encoding="utf-8")
            result.files[name] = part
            sums[name] = sha256(part)
        name = f"{title}.SHA256SUMS"
        part = folder / f".{name}.{inside_scratch().name}.part"
        unfinished.append(part)
        part.write_text("".join(f"{sums[n]}  {n}\n" for n in sorted(sums)), encoding="utf-8")
        result.files[name] = part
    for name, part in result.files.items():
        part.rename(folder / name)
    unfinished.clear()


def main() -> int:
    """Build what the command line asks for; the process that started this has checked it."""
    unfinished: list[Path] = []
    hold_to_lifeline(unfinished)
    os.umask(0o022)
    settings = resolved(parse_command_line(sys.argv[1:]))

    def build() -> int:
        work = Build(settings, inside_scratch(), unfinished)
        try:
            result = work.run()
            finish(settings, result, unfinished)
        finally:
            for path in unfinished:
                path.unlink(missing_ok=True)
        for name in result.files:
            print(settings.output / name)
        return 0

    return run_main(PROGRAM, build)


if __name__ == "__main__":
    sys.exit(main())
