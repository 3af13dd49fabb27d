# SPDX-License-Identifier: Apache-2.0
"""Writing files into the image's tree, and never out of it."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from debstack.base.errors import DebstackError


def place(root: Path, path: str) -> Path:
    """Return where the absolute `path` of the image is, its folders' links followed in the image.

    A link to an absolute path there would otherwise lead to the machine that builds.
    """
    here = root
    parts = [part for part in path.split("/") if part]
    for _ in range(40):
        for number, part in enumerate(parts[:-1]):
            step = here / part
            if step.is_symlink():
                target = os.fspath(step.readlink())
                rest = parts[number + 1 :]
                top = [] if target.startswith("/") else list(here.relative_to(root).parts)
                parts = _normal([*top, *target.split("/"), *rest])
                here = root
                break
            here = step
        else:
            return here / parts[-1]
    raise OSError(f"{path}: too many links")


def _normal(parts: list[str]) -> list[str]:
    kept: list[str] = []
    for part in parts:
        if part == "..":
            kept = kept[:-1]
        elif part not in ("", "."):
            kept.append(part)
    return kept


def write(root: Path, path: str, text: str, mode: int = 0o644) -> Path:
    """Write `text` to the absolute `path` of the image, a file of root's."""
    file = place(root, path)
    make_folder(file.parent)
    if file.is_symlink() or file.exists():
        file.unlink()
    file.write_text(text, encoding="utf-8")
    file.chmod(mode)
    return file


def link(root: Path, path: str, target: str) -> None:
    """Make `path` of the image a link to `target`."""
    file = place(root, path)
    make_folder(file.parent)
    if file.is_symlink() or file.exists():
        file.unlink()
    file.symlink_to(target)


def make_folder(path: Path) -> None:
    """Make a folder and those above it, with the modes that system folders have."""
    if not path.is_dir():
        make_folder(path.parent)
        path.mkdir()
        path.chmod(0o755)


def copy_over(source: Path, root: Path) -> None:
    """Copy the tree `source` over the image's: links and modes as they are, owned by root.

    Raises DebstackError where there is a file in the place of a folder, or a folder in a file's.
    """
    for path in walk(source):
        relative = os.fspath(path.relative_to(source))
        if path.is_dir() and not path.is_symlink():
            # What is a link to a folder in the image stays one: it is followed there, and not here.
            target = place(root, f"{relative}/inside").parent
            if os.path.lexists(target) and not target.is_dir():
                raise DebstackError(f"--overlay: {path}: in the image, /{relative} is a file")
            make_folder(target)
            target.chmod(path.stat().st_mode & 0o7777)
            continue
        target = place(root, relative)
        make_folder(target.parent)
        if target.is_dir() and not target.is_symlink():
            raise DebstackError(f"--overlay: {path}: in the image, /{relative} is a folder")
        if os.path.lexists(target):
            target.unlink()
        if path.is_symlink():
            target.symlink_to(path.readlink())
        else:
            shutil.copyfile(path, target)
            target.chmod(path.stat().st_mode & 0o7777)


def walk(top: Path) -> Iterator[Path]:
    """Give all below `top`, folders before what is in them, sorted."""
    with os.scandir(top) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        yield Path(entry.path)
        if entry.is_dir(follow_symlinks=False):
            yield from walk(Path(entry.path))
