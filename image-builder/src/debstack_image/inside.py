# SPDX-License-Identifier: Apache-2.0
"""The part of the program that runs in the namespaces: builds, then gives the files their names."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from debstack.base.main import run_main
from debstack_image import glance, progress, sbom
from debstack_image.after import signature_of
from debstack_image.build import Build, Result, no_room
from debstack_image.content import asked, described
from debstack_image.identity import Identity
from debstack_image.manifest import render, sha256
from debstack_image.namespace import (
    BUG_INSIDE,
    hold_to_lifeline,
    inside_scratch,
    unfinished_file,
)
from debstack_image.parsing import parse_command_line
from debstack_image.settings import Settings
from debstack_image.tools import versions
from debstack_image.validation import resolved
from debstack_image.values import GIB

PROGRAM = "build-openstack-debian-image"


def _build_information(settings: Settings, result: Result) -> dict[str, Any]:
    return {
        "digest": result.digest,
        "source-date-epoch": result.epoch,
        "sources": result.sources.build,
        "image-sources": result.sources.image,
        "asked": asked(settings),
        "settings": described(settings),
        "tools": versions(settings),
    }


def _texts(settings: Settings, result: Result, sums: dict[str, str]) -> dict[str, str]:
    """Return what is written about the files, by name."""
    title = settings.title
    information = _build_information(settings, result)
    texts = {f"{title}.manifest.json": render(result.packages, information, sums)}
    if result.layout:
        gib = -(-result.layout.size // GIB)
        found = glance.properties(settings, result.version, gib)
        texts[f"{title}.properties"] = glance.render(found)
    if settings.sbom and sbom.available():
        identity = Identity(result.digest)
        texts[f"{title}.cdx.json"] = sbom.render(
            title, result.packages, settings.release, identity, result.epoch
        )
    elif settings.sbom:
        progress.say("no list of parts: install python3-cyclonedx-lib, or give --no-sbom")
    return texts


def finish(settings: Settings, result: Result, unfinished: list[Path]) -> None:
    """Write what is known of the files, then give each its name, the checksums last."""
    folder = settings.output

    def write(name: str, text: str) -> Path:
        part = unfinished_file(folder, name, inside_scratch())
        unfinished.append(part)
        part.write_text(text, encoding="utf-8")
        result.files[name] = part
        return part

    with progress.step("manifest and checksums"):
        sums = {name: sha256(path) for name, path in sorted(result.files.items())}
        for name, text in _texts(settings, result, dict(sums)).items():
            sums[name] = sha256(write(name, text))
        lines = "".join(f"{sums[name]}  {name}\n" for name in sorted(sums))
        written = folder / f"{settings.title}.SHA256SUMS"
        if not written.exists() or written.read_text(encoding="utf-8") != lines:
            # It signs what these take the place of.
            signature_of(written).unlink(missing_ok=True)
        write(written.name, lines)
    for name, part in result.files.items():
        part.rename(folder / name)
    unfinished.clear()


def main() -> int:
    """Build what the command line asks for; the process that started this has checked it."""
    unfinished: list[Path] = []
    hold_to_lifeline(unfinished, inside_scratch())
    os.umask(0o022)

    def build() -> int:
        settings = resolved(parse_command_line(sys.argv[1:]))
        work = Build(settings, inside_scratch(), unfinished)
        try:
            result = work.run()
            finish(settings, result, unfinished)
        except OSError as error:
            if error.errno != errno.ENOSPC:
                raise
            raise no_room(Path(error.filename or settings.output)) from error
        finally:
            for path in unfinished:
                path.unlink(missing_ok=True)
        for name in result.files:
            print(settings.output / name)
        return 0

    try:
        return run_main(PROGRAM, build)
    except Exception:
        traceback.print_exc()
        return BUG_INSIDE


if __name__ == "__main__":
    sys.exit(main())
