# SPDX-License-Identifier: Apache-2.0
"""What old releases of mke2fs take from the build: the order of files, and their times.

Since 1.47.1 mke2fs sorts, and sets times as told. Of no use once bookworm is no longer built.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from debstack.base.run import run
from debstack_image import tree

_FIELDS = ("atime", "ctime", "crtime")
_TIMEOUT_S = 1800.0


def commands(root: Path, epoch: int) -> Iterator[str]:
    """Give the commands that set the times of all files in an ext4 that was made of the tree."""
    paths = ["/", "/lost+found"]
    paths += [f"/{os.fspath(path.relative_to(root))}" for path in tree.walk(root)]
    for path in paths:
        quoted = path.replace('"', '""')
        for field in _FIELDS:
            yield f'set_inode_field "{quoted}" {field} @{epoch}'
    yield 'set_inode_field "/lost+found" mtime @' + str(epoch)


def sorted_copy(root: Path) -> Path:
    """Return a copy of the tree whose files were made in the order of their names.

    A file system in memory gives them back in an order that follows from that.
    """
    copy = root.with_name("sorted")
    copy.mkdir()
    archive = root.with_name("sorted.tar")
    keep = ["--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls"]
    run(["tar", "-C", root, "--create", "--sort=name", "--format=posix", *keep, "-f", archive, "."])
    run(["tar", "-C", copy, "--extract", "--same-permissions", *keep, "-f", archive])
    archive.unlink()
    return copy


def set_times(debugfs: list[str], image: Path, root: Path, epoch: int) -> None:
    """Set the times in `image`, which has an ext4 and nothing else."""
    script = image.with_name("debugfs.commands")
    script.write_text("".join(f"{line}\n" for line in commands(root, epoch)), encoding="utf-8")
    environment = {"E2FSPROGS_FAKE_TIME": str(epoch)}
    run([*debugfs, "-w", "-f", script, image], env=environment, timeout_s=_TIMEOUT_S)
    script.unlink()
