# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from debstack.base.run import run
from debstack_image import filesystem
from debstack_image.disk import Partition
from debstack_image.filesystem import needed_size
from debstack_image.identity import Identity
from debstack_image.index import ImageError
from debstack_image.settings import Settings
from debstack_image.values import MIB


def test_each_file_counts_for_what_btrfs_reckons_it_takes(tmp_path: Path) -> None:
    """mkfs.btrfs took 1133M for the standard image, in a partition of 839M that was planned."""
    for number in range(1000):
        (tmp_path / str(number)).write_text("x")
    settings = [Settings(filesystem=name) for name in ("ext4", "xfs", "btrfs")]
    ext4, xfs, btrfs = (needed_size(tmp_path, each) for each in settings)
    assert ext4 < xfs < btrfs
    assert btrfs - xfs >= 1000 * 2 * 3 * 4096


def test_many_small_files_have_room(tmp_path: Path, commands: None) -> None:
    """At the usual rate of inodes mke2fs ended with: could not allocate inode."""
    root, disk = tmp_path / "root", tmp_path / "disk"
    root.mkdir()
    for number in range(300):
        (root / str(number)).write_text("x")
    part = Partition(role="root", start=0, size=4 * MIB)
    disk.write_bytes(b"")
    arguments = filesystem.mke2fs_arguments(root, disk, part, Identity("digest"))
    small = ["-J", "size=1"]
    at = arguments.index("-J")
    run(["mke2fs", *arguments[:at], *small, *arguments[at + 2 :]])
    assert "-N" in arguments
    found = run(["dumpe2fs", "-h", disk]).stdout
    counted = re.search(r"^Inode count: +(\d+)$", found, re.MULTILINE)
    assert counted is not None
    assert int(counted[1]) >= 600
    assert filesystem.inode_arguments(900 * MIB, 20_000) == ["-i", "16384"]


def test_a_file_system_beyond_the_end_of_its_partition_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def grow(argv: list[Any], **_: object) -> None:
        with Path(argv[-1]).open("r+b") as stream:
            stream.truncate(9 * MIB)

    monkeypatch.setattr(filesystem, "run", grow)
    disk = tmp_path / "disk"
    disk.write_bytes(b"untouched")
    part = Partition(role="root", start=0, size=8 * MIB)
    with pytest.raises(ImageError, match="it takes 9M, and has 8M"):
        filesystem._make_apart(disk, part, ["mkfs"], {})
    assert disk.read_bytes() == b"untouched"
