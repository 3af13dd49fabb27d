# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest

from debstack.base.errors import DebstackError
from debstack.runtime.lock import single_apply


def test_a_second_one_waits_says_so_and_gives_up(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "lock"
    with (
        single_apply(path),
        pytest.raises(DebstackError, match="still held"),
        single_apply(path, 0.3),
    ):
        pass
    told = capsys.readouterr().err
    assert told == f"debstack: waiting for another debstack (process {os.getpid()}) to end\n"


def test_it_is_free_afterwards(tmp_path: Path) -> None:
    for _ in range(2):
        with single_apply(tmp_path / "lock", 0):
            pass
