# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import errno
import os
import re
import stat
from pathlib import Path

import pytest

from debstack.base.errors import ConfigurationError
from debstack.runtime.files import WantedFile, difference, read_text, write


def wanted(path: Path, content: str = "new\n", mode: int = 0o640) -> WantedFile:
    return WantedFile(path=path, content=content, mode=mode)


def test_a_file_is_made_with_its_mode_and_differs_no_more(tmp_path: Path) -> None:
    file = wanted(tmp_path / "deep" / "er" / "x.conf")
    assert difference(file) == "missing"
    write(file)
    assert file.path.read_text() == "new\n"
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o640
    assert difference(file) == ""


def test_a_wrong_mode_and_content_are_told(tmp_path: Path) -> None:
    file = wanted(tmp_path / "x")
    write(file)
    file.path.chmod(0o666)
    assert difference(file) == "mode"
    file.path.write_text("other")
    assert difference(file) == "content"


def test_a_link_is_replaced_and_its_target_left_alone(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.write_text("precious")
    file = wanted(tmp_path / "x")
    file.path.symlink_to(target)
    assert difference(file) == "content"
    write(file)
    assert target.read_text() == "precious"
    assert not file.path.is_symlink()


def test_what_a_killed_run_left_is_replaced(tmp_path: Path) -> None:
    (tmp_path / ".x.debstack-new").write_text("half")
    write(wanted(tmp_path / "x"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["x"]


@pytest.mark.parametrize(
    ("code", "remedy"),
    [
        (errno.ENOSPC, "free some space"),
        (errno.EROFS, "mount the file system"),
        (errno.EACCES, "make .* writable"),
        (errno.EIO, "put right"),
    ],
)
def test_a_failure_names_file_and_remedy_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, remedy: str
) -> None:
    path = tmp_path / "x"
    path.write_text("old")

    def fail(_descriptor: int) -> None:
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(ConfigurationError, match=os.strerror(code)) as caught:
        write(wanted(path))
    assert str(path) in caught.value.message
    assert caught.value.hint is not None
    assert re.search(remedy, caught.value.hint)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


def test_an_unknown_group_is_an_error(tmp_path: Path) -> None:
    file = WantedFile(path=tmp_path / "x", content="", group="no-such-group")
    with pytest.raises(ConfigurationError, match="no-such-group"):
        write(file)


def test_reading_what_is_not_there_and_what_is_not_text(tmp_path: Path) -> None:
    assert read_text(tmp_path / "x") is None
    (tmp_path / "x").write_bytes(b"ab\xff")
    with pytest.raises(ConfigurationError, match="not UTF-8 \\(byte 2\\)"):
        read_text(tmp_path / "x")


def test_content_is_not_shown_by_repr(tmp_path: Path) -> None:
    assert "hidden" not in repr(wanted(tmp_path / "x", "hidden"))
