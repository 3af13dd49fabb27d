# SPDX-License-Identifier: Apache-2.0
"""Processes told apart for certain (a pid alone may be reused), and cgroups to end them by."""

from __future__ import annotations

import os
import signal
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from testbed.places import TestbedError

_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATE_FIELD = 0
_START_FIELD = 19


def boot_id() -> str:
    """Return the kernel's name for this boot of the host."""
    return _BOOT_ID.read_text(encoding="ascii").strip()


def this_host() -> dict[str, str]:
    """Return what tells this host from containers on it, and this boot from others.

    A container may have a boot id of its own, so that it says nothing about another's.
    """
    return {"boot": boot_id(), "processes": str(Path("/proc/self/ns/pid").readlink())}


def _stat_fields(pid: int) -> list[str] | None:
    """Return the fields of /proc/PID/stat after the command's name, None if it is gone."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    return text.rpartition(")")[2].split()


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """One process: its pid, its start time in clock ticks, and the boot it belongs to."""

    pid: int
    start: int
    boot: str

    @classmethod
    def of(cls, pid: int) -> Identity:
        """Return the identity of the running process `pid`; raises ProcessLookupError."""
        fields = _stat_fields(pid)
        if fields is None:
            raise ProcessLookupError(pid)
        return cls(pid=pid, start=int(fields[_START_FIELD]), boot=boot_id())

    @classmethod
    def load(cls, content: dict[str, Any] | None) -> Identity | None:
        """Return the identity that `dump` wrote, or None for None."""
        return None if content is None else cls(**content)

    def dump(self) -> dict[str, Any]:
        """Return what `load` reads."""
        return asdict(self)

    def alive(self) -> bool:
        """Return whether this very process still runs; a zombie does not."""
        fields = _stat_fields(self.pid)
        return (
            fields is not None
            and fields[_STATE_FIELD] not in {"Z", "X"}
            and int(fields[_START_FIELD]) == self.start
            and boot_id() == self.boot
        )


def myself() -> Identity:
    """Return the identity of this process."""
    return Identity.of(os.getpid())


def cgroup2_mount() -> Path:
    """Return where the unified hierarchy is mounted on this host; raises TestbedError."""
    for line in Path("/proc/self/mountinfo").read_text(encoding="utf-8").splitlines():
        head, _, tail = line.partition(" - ")
        if tail.split()[0] == "cgroup2":
            return Path(head.split()[4])
    raise TestbedError(
        "cgroups: a cgroup2 mount is needed, found none",
        hint="run: mkdir -p /sys/fs/cgroup/unified; mount -t cgroup2 none /sys/fs/cgroup/unified",
    )


def cgroup_of(pid: int) -> Path:
    """Return the folder of the process's group in the unified hierarchy."""
    for line in Path(f"/proc/{pid}/cgroup").read_text(encoding="utf-8").splitlines():
        if line.startswith("0::"):
            return cgroup2_mount() / line.removeprefix("0::").lstrip("/")
    raise TestbedError(f"process {pid}: expected a place in the unified hierarchy, found none")


def groups(top: Path) -> list[Path]:
    """Return the cgroup `top` and all below it, outermost first; none if it does not exist.

    Others remove groups while this looks, which ends Path.rglob with FileNotFoundError.
    """
    return [Path(folder) for folder, _, _ in os.walk(top)]


def members(group: Path) -> list[int]:
    """Return the pids in the cgroup `group` and all below it; none if it does not exist."""
    pids: list[int] = []
    for folder in groups(group):
        try:
            listing = (folder / "cgroup.procs").read_text(encoding="ascii")
            pids += [int(line) for line in listing.split()]
        except (FileNotFoundError, OSError):
            continue  # the group vanished while we looked, and its processes with it
    return [pid for pid in pids if pid > 0]


def kill_cgroup(group: Path, *, timeout_s: float = 20.0) -> None:
    """Kill every process in `group` at once, wait until they are gone, and remove the group.

    A group stays busy for a moment after its last process. It must not be left for the next node
    of that name: once cgroup.kill was written to, Linux 6.18 kills what is forked right into it.
    """
    deadline = time.monotonic() + timeout_s
    while group.is_dir():
        left = members(group)
        if left:
            _kill_members(group, left)
        else:
            _remove_cgroup(group)
        if group.is_dir() and time.monotonic() > deadline:
            raise TestbedError(
                f"{group}: processes {left} do not end" if left else f"{group}: stays busy",
                hint="look at their state in /proc/PID/stack, then run the clean-up again",
            )
        time.sleep(0.01)


def _kill_members(group: Path, pids: list[int]) -> None:
    try:
        (group / "cgroup.kill").write_text("1", encoding="ascii")
    except FileNotFoundError:  # a kernel before 5.14
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue


def _remove_cgroup(group: Path) -> None:
    """Remove the empty `group`; systemd may be quicker with a scope of its own."""
    for folder in reversed(groups(group)):
        try:
            folder.rmdir()
        except OSError:
            continue  # in use again or gone: the caller looks once more
