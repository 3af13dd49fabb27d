# SPDX-License-Identifier: Apache-2.0
"""A tree as mkfs.xfs reads it: the prototype file of mkfs(8), one line for each file."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

from debstack_image.index import ImageError

_KINDS = {stat.S_IFREG: "-", stat.S_IFDIR: "d", stat.S_IFLNK: "l"}


def _mode(mode: int) -> str:
    """Return type, set-id bits and permissions as the prototype has them."""
    kind = _KINDS.get(stat.S_IFMT(mode))
    if kind is None:
        raise ImageError("xfs: the image has a device, socket or pipe, which cannot be put there")
    user = "u" if mode & stat.S_ISUID else "-"
    group = "g" if mode & stat.S_ISGID else "-"
    sticky = 0o1000 if mode & stat.S_ISVTX else 0
    return f"{kind}{user}{group}{(mode & 0o777) | sticky:03o}"


def _word(path: Path, text: str) -> str:
    """Return a name or target; a blank would end it."""
    if any(character.isspace() for character in text):
        raise ImageError(
            f"xfs: {path}: a name with a blank cannot be put there",
            hint="rename the file, or choose --filesystem ext4",
        )
    return text


def _lines(folder: Path, depth: int) -> Iterator[str]:
    indent = "  " * depth
    with os.scandir(folder) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for item in found:
        path = Path(item.path)
        status = item.stat(follow_symlinks=False)
        head = f"{indent}{_word(path, item.name)} {_mode(status.st_mode)}"
        head += f" {status.st_uid} {status.st_gid}"
        if item.is_symlink():
            yield f"{head} {_word(path, os.fspath(path.readlink()))}"
        elif item.is_dir():
            yield head
            yield from _lines(path, depth + 1)
            yield f"{indent}$"
        else:
            yield f"{head} {_word(path, item.path)}"


def prototype(root: Path) -> str:
    """Return the prototype of the tree. Raises ImageError for what it cannot say."""
    lines = ["/dev/null", "0 0", "d--755 0 0", *_lines(root, 1), "$"]
    return "\n".join(lines) + "\n"
