# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from debstack_image import filesystem
from debstack_image.disk import Partition
from debstack_image.filesystem import needed_size
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
