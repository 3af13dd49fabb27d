# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import os
import pwd
from pathlib import Path

import pytest

from debstack.base.errors import ConfigurationError
from debstack.runtime.steps.keys import Entry, KeysStep, plan

USER = pwd.getpwuid(os.geteuid()).pw_name
GOOD = {".": Entry(uid=7, gid=8, mode=0o700), "0": Entry(uid=7, gid=8, mode=0o600)}


def step(root: Path, user: str = USER) -> KeysStep:
    return KeysStep("fernet", root / "etc/keystone/fernet-keys", user)


@pytest.mark.parametrize(
    ("entries", "planned"),
    [
        ({}, (True, ())),
        ({".": GOOD["."]}, (True, ())),
        (GOOD, (False, ())),
        ({**GOOD, "1": Entry(uid=0, gid=0, mode=0o600)}, (False, ("1",))),
        ({**GOOD, "0": Entry(uid=7, gid=8, mode=0o640)}, (False, ("0",))),
        ({**GOOD, ".": Entry(uid=7, gid=8, mode=0o755)}, (False, (".",))),
        ({**GOOD, "README": Entry(uid=0, gid=0, mode=0o644)}, (False, ())),
    ],
)
def test_plan(entries: dict[str, Entry], planned: tuple[bool, tuple[str, ...]]) -> None:
    assert plan(entries, 7, 8) == planned


def test_two_different_keys_are_made_once(tmp_path: Path) -> None:
    keys = step(tmp_path)
    (change,) = keys.changes()
    change.perform()
    folder = tmp_path / "etc/keystone/fernet-keys"
    texts = [(folder / name).read_text() for name in ("0", "1")]
    assert len({*texts}) == 2
    assert all(len(base64.urlsafe_b64decode(text)) == 32 for text in texts)
    assert folder.stat().st_mode & 0o7777 == 0o700
    assert keys.changes() == []
    assert [path.name for path in folder.parent.iterdir()] == ["fernet-keys"]


def test_keys_are_never_overwritten_but_closed_again(tmp_path: Path) -> None:
    keys = step(tmp_path)
    keys.changes()[0].perform()
    folder = tmp_path / "etc/keystone/fernet-keys"
    (folder / "0").unlink()
    (folder / "1").chmod(0o644)
    kept = (folder / "1").read_text()
    (change,) = keys.changes()
    assert change.summary == f"give {folder / '1'} to {USER} alone"
    change.perform()
    assert (folder / "1").read_text() == kept
    assert keys.changes() == []


def test_what_a_killed_run_left_is_no_obstacle(tmp_path: Path) -> None:
    left = tmp_path / "etc/keystone/.fernet-keys.debstack"
    left.mkdir(parents=True)
    (left / "0").write_text("half")
    (tmp_path / "etc/keystone/fernet-keys").mkdir()
    keys = step(tmp_path)
    keys.changes()[0].perform()
    assert keys.changes() == []
    assert not left.exists()


def test_foreign_files_in_the_way_are_told_and_left(tmp_path: Path) -> None:
    folder = tmp_path / "etc/keystone/fernet-keys"
    folder.mkdir(parents=True)
    (folder / "note").write_text("mine")
    with pytest.raises(ConfigurationError, match="keys cannot be made"):
        step(tmp_path).changes()[0].perform()
    assert [path.name for path in folder.iterdir()] == ["note"]
    assert [path.name for path in folder.parent.iterdir()] == ["fernet-keys"]


def test_a_missing_user_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such user"):
        step(tmp_path, "no-such-user").changes()
