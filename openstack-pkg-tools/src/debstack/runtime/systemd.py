# SPDX-License-Identifier: Apache-2.0
"""What systemd says about a unit, and telling it what to do."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from debstack.base.errors import ConfigurationError
from debstack.base.run import ends, run

log = logging.getLogger(__name__)

_PROPERTIES = (
    "LoadState",
    "ActiveState",
    "UnitFileState",
    "NeedDaemonReload",
    "FragmentPath",
    "DropInPaths",
    "InvocationID",
    "ExecMainStartTimestamp",
    "ActiveEnterTimestamp",
)
_JOURNAL_LINES = 10
#: How soon a start that takes its time is looked at.
_LOOK_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitState:
    """A unit as systemd sees it."""

    loaded: bool
    masked: bool
    disabled: bool
    #: systemd's own word: active, inactive, failed, activating, …
    active: str
    needs_reload: bool
    #: The unit file and its drop-ins.
    files: tuple[Path, ...]
    invocation: str
    #: When its main process (or else the unit) started; None if it neither runs nor is about to.
    since: datetime | None


def parse_timestamp(text: str) -> datetime | None:
    """Return the time that `systemctl show --timestamp=us+utc` prints, None for an empty one."""
    if not text or text == "n/a":
        return None
    return datetime.strptime(text, "%a %Y-%m-%d %H:%M:%S.%f %Z").replace(tzinfo=UTC)


def parse_state(properties: Mapping[str, str]) -> UnitState:
    """Return the state that the properties tell."""
    started = properties.get("ExecMainStartTimestamp") or properties.get("ActiveEnterTimestamp", "")
    active = properties.get("ActiveState", "inactive")
    paths = [properties.get("FragmentPath", ""), *properties.get("DropInPaths", "").split()]
    masked = "masked" in (properties.get("LoadState"), properties.get("UnitFileState"))
    return UnitState(
        loaded=properties.get("LoadState") == "loaded",
        masked=masked or properties.get("UnitFileState") == "masked-runtime",
        disabled=properties.get("UnitFileState") == "disabled",
        active=active,
        needs_reload=properties.get("NeedDaemonReload") == "yes",
        files=tuple(Path(path) for path in paths if path),
        invocation=properties.get("InvocationID", ""),
        since=parse_timestamp(started) if active in ("active", "activating") else None,
    )


def show_argv(names: Sequence[str], unit: str) -> list[str]:
    """Return the command that prints the properties `names` of `unit` (with its suffix)."""
    return ["systemctl", "show", "--timestamp=us+utc", f"--property={','.join(names)}", unit]


def _properties(names: Sequence[str], unit: str) -> dict[str, str]:
    shown = run(show_argv(names, unit), timeout_s=30).stdout
    return dict(line.split("=", 1) for line in shown.splitlines() if "=" in line)


def unit_state(unit: str) -> UnitState:
    """Return the state of `unit` (with its suffix). Raises CommandError."""
    return parse_state(_properties(_PROPERTIES, unit))


def left_alone(unit: str, state: UnitState) -> bool:
    """Say, and log, that the administrator masked `unit`, or disabled and stopped it."""
    if not state.masked and (not state.disabled or state.active in ("active", "reloading")):
        return False
    word = "masked" if state.masked else "disabled and stopped"
    log.warning("%s is %s: it is left so", unit, word)
    return True


def to_be_started(unit: str) -> bool:
    """Say that `unit` should run and does not: who masked or disabled it wants it so."""
    state = unit_state(unit)
    return not (state.active == "active" or state.masked or state.disabled)


def journal_tail(unit: str, invocation: str) -> list[str]:
    """Return the last lines that `unit` logged in this invocation, if there is a journal."""
    match = [f"_SYSTEMD_INVOCATION_ID={invocation}"] if invocation else ["--unit", unit]
    argv = ["journalctl", "--no-pager", "--quiet", "--output=cat", f"--lines={_JOURNAL_LINES}"]
    done = run([*argv, *match], check=False, timeout_s=30)
    return done.stdout.splitlines()


def daemon_reload() -> None:
    """Make systemd read its unit files again. Raises CommandError."""
    run(["systemctl", "daemon-reload"], timeout_s=120)


def _crashed(shown: Mapping[str, str], before: str) -> bool:
    """Say whether systemd is about to start a unit anew whose invocation is not `before`."""
    again = shown.get("SubState", "").startswith("auto-restart")
    return again and shown.get("InvocationID", "") != before


def _start_problem(unit: str, verb: str, before: str, timeout_s: float) -> str:
    """Start or restart `unit` and wait; return why it did not come up, empty if it did.

    `before` is the invocation that was there before: what became of that is past.
    """
    names = ["LoadState", "ActiveState", "SubState", "InvocationID"]
    # systemd tells systemctl when the job has ended: who asked it again and again would take as
    # much of the processors as what is to start. But systemctl waits for all attempts of a unit
    # that is started again by itself, where the first one tells.
    code = ends(
        ["systemctl", "--no-ask-password", verb, unit],
        in_vain=lambda: _crashed(_properties(names, unit), before),
        look_s=_LOOK_S,
        limit_s=timeout_s,
    )
    shown = _properties(names, unit)
    if shown.get("LoadState") == "not-found":
        return "there is no such unit"
    if _crashed(shown, before):
        return "it failed to start"
    if code is None:
        return f"not up after {timeout_s:.0f} s"
    if shown["ActiveState"] != "active":
        return f"it is {shown['ActiveState']}"
    refused = code != 0 and shown.get("InvocationID", "") == before
    return f"it runs on as before: systemctl {verb} ended with {code}" if refused else ""


def bring_up(unit: str, verb: str, *, timeout_s: float = 300) -> None:
    """Start or restart `unit` as its files are now, and wait until systemd says that it is up.

    Raises ConfigurationError with the unit's last log lines where it does not come up.
    """
    state = unit_state(unit)
    if state.needs_reload:
        daemon_reload()
    # A unit that failed too often would be refused; that it is clean is no error. Each systemctl
    # takes as much of a processor as the start of a small program: none for what never ran.
    if state.invocation:
        run(["systemctl", "reset-failed", unit], check=False, timeout_s=30)
    problem = _start_problem(unit, verb, state.invocation, timeout_s)
    if problem:
        raise not_up(unit, problem)


def restart_meanwhile(units: Sequence[str]) -> None:
    """Have those of `units` restarted that are there, as their files are now; wait for nothing.

    Raises CommandError.
    """
    daemon_reload()
    there = [unit for unit in units if unit_state(unit).active == "active"]
    if there:
        run(["systemctl", "--no-block", "restart", *there], timeout_s=30)


def stop(unit: str) -> None:
    """Stop `unit` and wait until it has ended. Raises CommandError."""
    run(["systemctl", "stop", unit], timeout_s=300)


def not_up(unit: str, what: str) -> ConfigurationError:
    """Return the error that tells that `unit` is not up, with its last log lines."""
    lines = journal_tail(unit, unit_state(unit).invocation)
    body = "".join(f"\n    {line}" for line in lines)
    return ConfigurationError(
        f"{unit}: {what}{'; its last log lines:' if lines else ''}{body}",
        hint=f"see: journalctl --unit {unit}; when the cause is gone, run: debstack apply",
    )
