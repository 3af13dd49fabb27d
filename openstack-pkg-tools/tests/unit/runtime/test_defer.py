# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from debstack.base.run import Result
from debstack.runtime import defer


def test_without_systemd_work_is_left(tmp_path: Path) -> None:
    assert defer.reason(tmp_path) == "systemd does not run this system"


@pytest.mark.parametrize(
    ("code", "reason"), [(0, ""), (101, "/usr/sbin/policy-rc.d forbids to start services")]
)
def test_the_administrators_policy_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, reason: str
) -> None:
    (tmp_path / "run/systemd/system").mkdir(parents=True)
    assert defer.reason(tmp_path) == ""
    policy = tmp_path / "usr/sbin/policy-rc.d"
    policy.parent.mkdir(parents=True)
    policy.write_text("")
    policy.chmod(0o755)
    monkeypatch.setattr(defer, "run", lambda *_a, **_o: Result(code=code, stdout="", stderr=""))
    assert defer.reason(tmp_path) == reason


def test_the_note_comes_and_goes(tmp_path: Path) -> None:
    defer.record(tmp_path)
    assert "debstack apply" in (tmp_path / "var/lib/debstack/pending").read_text()
    defer.clear(tmp_path)
    defer.clear(tmp_path)
    assert list((tmp_path / "var/lib/debstack").iterdir()) == []
