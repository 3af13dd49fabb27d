# SPDX-License-Identifier: Apache-2.0
"""Programs of whoever builds, run on the tree before it is cleaned."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from debstack.base.run import run
from debstack_image.chroot import Chroot
from debstack_image.index import ImageError
from debstack_image.settings import Settings

_TIMEOUT_S = 2 * 3600.0
_MOST_LINES = 200


def programs(paths: Sequence[Path]) -> Iterator[Path]:
    """Give the programs in `paths`, those of folders by name, as run-parts would."""
    for path in paths:
        yield from sorted(p for p in path.iterdir() if _runs(p)) if path.is_dir() else [path]


def _runs(path: Path) -> bool:
    return path.is_file() and os.access(path, os.X_OK)


def environment(chroot: Chroot, settings: Settings) -> dict[str, str]:
    """Return what hooks are told; the first two have the names that they always had."""
    return {
        "BODI_CHROOT_PATH": os.fspath(chroot.root),
        "BODI_RELEASE": settings.release,
        "IMAGE_ROOT": os.fspath(chroot.root),
        "IMAGE_RELEASE": settings.release,
        "IMAGE_ARCHITECTURE": settings.architecture,
        "IMAGE_NAME": settings.title,
        "SOURCE_DATE_EPOCH": str(chroot.epoch),
        "DEBIAN_FRONTEND": "noninteractive",
    }


def run_hooks(chroot: Chroot, settings: Settings) -> None:
    """Run the hooks in turn. Raises ImageError with the output of the one that failed."""
    for program in programs(settings.hook_script):
        done = run(
            ["sh", "-c", 'exec "$@" 2>&1', "sh", program, chroot.root],
            env=environment(chroot, settings),
            cwd=program.parent,
            timeout_s=_TIMEOUT_S,
            check=False,
        )
        if done.code != 0:
            lines = done.stdout.splitlines()[-_MOST_LINES:]
            text = "".join(f"\n    {line}" for line in lines)
            raise ImageError(
                f"hook {program}: exit code {done.code}{text}",
                hint='the tree is its first argument; a command is run in it by: chroot "$1" …',
            )
