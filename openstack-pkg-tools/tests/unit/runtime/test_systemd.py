# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest

from debstack.base.errors import ConfigurationError
from debstack.base.run import Result
from debstack.runtime import systemd
from debstack.runtime.systemd import bring_up, parse_state, parse_timestamp, show_argv

RUNNING = {
    "LoadState": "loaded",
    "ActiveState": "active",
    "UnitFileState": "enabled",
    "NeedDaemonReload": "no",
    "FragmentPath": "/usr/lib/systemd/system/x.service",
    "DropInPaths": "/etc/a.conf /etc/b.conf",
    "ExecMainStartTimestamp": "Fri 2026-11-20 13:10:11.123456 UTC",
}


def test_a_running_unit() -> None:
    state = parse_state(RUNNING)
    assert state.since == datetime(2026, 11, 20, 13, 10, 11, 123456, tzinfo=UTC)
    assert state.files == (
        Path("/usr/lib/systemd/system/x.service"),
        Path("/etc/a.conf"),
        Path("/etc/b.conf"),
    )
    assert not state.masked
    assert not state.disabled
    assert not state.needs_reload


def test_a_stopped_unit_has_no_start() -> None:
    assert parse_state({**RUNNING, "ActiveState": "failed"}).since is None


@pytest.mark.parametrize("key", ["LoadState", "UnitFileState"])
def test_a_masked_unit(key: str) -> None:
    assert parse_state({**RUNNING, key: "masked"}).masked


@pytest.mark.parametrize("text", ["", "n/a"])
def test_no_timestamp(text: str) -> None:
    assert parse_timestamp(text) is None


def test_the_command_that_shows_a_unit() -> None:
    assert show_argv(["A", "B"], "x.timer") == [
        "systemctl",
        "show",
        "--timestamp=us+utc",
        "--property=A,B",
        "x.timer",
    ]


class Systemctl:
    """Answers `show` with one line set after the other, and remembers the other commands."""

    def __init__(self, *shown: str) -> None:
        self.shown = list(shown)
        self.called: list[str] = []

    def __call__(self, argv: Sequence[str], **_options: object) -> Result:
        line = " ".join(argv)
        if "journalctl" in line:
            return Result(code=0, stdout="last words\n", stderr="")
        if " show " not in line:
            self.called.append(line)
            return Result(code=0, stdout="", stderr="")
        shown = self.shown.pop(0) if len(self.shown) > 1 else self.shown[0]
        return Result(code=0, stdout=shown, stderr="")


BEFORE = "InvocationID=1\n"
CRASHED = "ActiveState=activating\nSubState=auto-restart\nJob=7\nInvocationID=1\n"
STARTING = "ActiveState=activating\nSubState=start\nJob=7\nInvocationID=2\n"
UP = "ActiveState=active\nSubState=running\nJob=\nInvocationID=2\n"
AGAIN = "ActiveState=activating\nSubState=auto-restart\nJob=7\nInvocationID=2\n"
DEAD = "ActiveState=failed\nSubState=failed\nJob=\nInvocationID=2\n"


def test_bring_up_waits_for_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    systemctl = Systemctl(BEFORE, CRASHED, STARTING, UP)
    monkeypatch.setattr(systemd, "run", systemctl)
    bring_up("x.service", "restart")
    assert systemctl.called == [
        "systemctl reset-failed x.service",
        "systemctl --no-block restart x.service",
    ]


@pytest.mark.parametrize(("last", "what"), [(AGAIN, "it failed to start"), (DEAD, "it is failed")])
def test_a_unit_that_fails_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, last: str, what: str
) -> None:
    monkeypatch.setattr(systemd, "run", Systemctl(BEFORE, STARTING, last))
    with pytest.raises(ConfigurationError) as caught:
        bring_up("x.service", "start")
    assert caught.value.message == f"x.service: {what}; its last log lines:\n    last words"


def test_a_unit_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(systemd, "run", Systemctl(BEFORE, STARTING))
    with pytest.raises(ConfigurationError, match="not up after 0 s"):
        bring_up("x.service", "start", timeout_s=0.01)
