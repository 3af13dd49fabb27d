# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Sequence
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
    """Answers `show` with one line set after the other, and remembers the other commands.

    The job that is waited for ends when the last of them is reached, unless it is `endless`.
    """

    def __init__(self, *shown: str, endless: bool = False, code: int = 0) -> None:
        self.shown = list(shown)
        self.endless = endless
        self.code = code
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

    def ends(
        self, argv: Sequence[str], *, in_vain: Callable[[], bool], **_limits: float
    ) -> int | None:
        self.called.append(" ".join(argv))
        while len(self.shown) > 1:
            if in_vain():
                return None
        return None if self.endless else self.code

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(systemd, "run", self)
        monkeypatch.setattr(systemd, "ends", self.ends)


NEW = "LoadState=loaded\nActiveState=inactive\nInvocationID=\n"
BEFORE = "LoadState=loaded\nActiveState=failed\nInvocationID=1\n"
STALE = "LoadState=loaded\nActiveState=active\nInvocationID=1\nNeedDaemonReload=yes\n"
CRASHED = "ActiveState=activating\nSubState=auto-restart\nInvocationID=1\n"
STARTING = "ActiveState=activating\nSubState=start\nInvocationID=2\n"
UP = "LoadState=loaded\nActiveState=active\nSubState=running\nInvocationID=2\n"
AGAIN = "ActiveState=activating\nSubState=auto-restart\nInvocationID=2\n"
DEAD = "LoadState=loaded\nActiveState=failed\nSubState=failed\nInvocationID=2\n"
ABSENT = "LoadState=not-found\nActiveState=inactive\nSubState=dead\nInvocationID=\n"


def test_bring_up_waits_for_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    systemctl = Systemctl(BEFORE, CRASHED, STARTING, UP)
    systemctl.install(monkeypatch)
    bring_up("x.service", "restart")
    assert systemctl.called == [
        "systemctl reset-failed x.service",
        "systemctl --no-ask-password restart x.service",
    ]


def test_what_never_ran_has_no_failures_to_forget(monkeypatch: pytest.MonkeyPatch) -> None:
    systemctl = Systemctl(NEW, UP)
    systemctl.install(monkeypatch)
    bring_up("x.service", "start")
    assert systemctl.called == ["systemctl --no-ask-password start x.service"]


def test_unit_files_that_are_new_are_read_first(monkeypatch: pytest.MonkeyPatch) -> None:
    systemctl = Systemctl(STALE, UP)
    systemctl.install(monkeypatch)
    bring_up("x.service", "restart")
    assert systemctl.called[0] == "systemctl daemon-reload"


@pytest.mark.parametrize(
    ("last", "what"),
    [(AGAIN, "it failed to start"), (DEAD, "it is failed"), (ABSENT, "there is no such unit")],
)
def test_a_unit_that_fails_is_told_with_its_last_words(
    monkeypatch: pytest.MonkeyPatch, last: str, what: str
) -> None:
    Systemctl(BEFORE, STARTING, last).install(monkeypatch)
    with pytest.raises(ConfigurationError) as caught:
        bring_up("x.service", "start")
    assert caught.value.message == f"x.service: {what}; its last log lines:\n    last words"


def test_a_unit_that_is_started_again_by_itself_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    Systemctl(BEFORE, STARTING, AGAIN, AGAIN, UP).install(monkeypatch)
    with pytest.raises(ConfigurationError, match="it failed to start"):
        bring_up("x.service", "start")


def test_a_unit_that_runs_on_since_systemctl_was_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Systemctl(STALE, code=1).install(monkeypatch)
    with pytest.raises(ConfigurationError, match="as before: systemctl restart ended with 1"):
        bring_up("x.service", "restart")


def test_a_unit_that_somebody_else_brought_up_is_up(monkeypatch: pytest.MonkeyPatch) -> None:
    Systemctl(STALE, UP, code=1).install(monkeypatch)
    bring_up("x.service", "restart")


def test_a_unit_that_takes_too_long(monkeypatch: pytest.MonkeyPatch) -> None:
    Systemctl(BEFORE, STARTING, endless=True).install(monkeypatch)
    with pytest.raises(ConfigurationError, match="not up after 7 s"):
        bring_up("x.service", "start", timeout_s=7)
