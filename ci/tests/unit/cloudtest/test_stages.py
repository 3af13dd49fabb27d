# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from cloudtest import stages
from testbed.places import TestbedError


class Usage(NamedTuple):
    total: int
    used: int
    free: int


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(stages, "cache_dir", lambda *_: tmp_path)
    return tmp_path


def test_there_is_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(100 << 30, 90 << 30, 7 << 30))
    stages.check_room()


def test_a_disk_on_which_volumes_would_fail_is_told_first(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    # What is free to nobody is neither used nor free.
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(252 << 30, 90 << 30, 13 << 30))
    with pytest.raises(TestbedError, match=r"expected 6% .* found 5\.2% \(13 of 252 GiB\)") as told:
        stages.check_room()
    assert str(folder) in told.value.message
