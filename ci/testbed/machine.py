# SPDX-License-Identifier: Apache-2.0
"""A node as a machine: switched on and off, and the way into it."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Self

from debstack.base.run import run
from testbed import network
from testbed.archive import debs_folder
from testbed.loops import detach_loops
from testbed.places import STATE, TestbedError, read_json, write_json
from testbed.process import Identity, cgroup2_mount, cgroup_of, kill_cgroup
from testbed.record import Record, Running, nspawn_argv

BOOT_TIMEOUT_S = 180.0  # a node with databases and brokers takes its time on a busy host
_SHUTDOWN_TIMEOUT_S = 120.0
_POWEROFF = signal.SIGRTMIN + 4  # what systemd understands as "switch off"
_SCRIPT = Path(__file__).with_name("node.sh")
_SYSTEMD = Path("/run/systemd/system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """A node by its testbed and name; all else about it is read where it is written down."""

    bed: str
    name: str

    @property
    def state(self) -> Path:
        """The node's folder below /run."""
        return STATE / self.bed / "nodes" / self.name

    @property
    def record(self) -> Record:
        """What is written down about the node; raises TestbedError if there is none."""
        content = read_json(self.state / "node.json")
        if content is None:
            raise TestbedError(
                f"testbed {self.bed}: no node {self.name}",
                hint="see which there are: python3 -m testbed list",
            )
        return Record.load(content)

    def save(self, **changes: Any) -> None:
        """Write the node's record down with `changes`."""
        write_json(self.state / "node.json", replace(self.record, **changes).dump())

    @property
    def directory(self) -> Path:
        """The node's folder in the cache."""
        return Path(self.record.directory)

    @property
    def address(self) -> str:
        """The node's IPv4 address on its first network."""
        return self.record.interfaces[0].address

    @property
    def address6(self) -> str:
        """The node's IPv6 address on its first network."""
        return self.record.interfaces[0].address6

    def running(self) -> Running | None:
        """Return what the node runs as, or None if it is switched off."""
        content = read_json(self.state / "running.json")
        if content is None:
            return None
        found = Running.load(content)
        return found if found.leader.alive() else None

    def boot(self, *, timeout_s: float = BOOT_TIMEOUT_S) -> Self:
        """Switch the node on, wait until systemd has started everything, and return the node.

        Raises TestbedError with the end of the console's text if it does not come up in time.
        """
        if self.running():
            raise TestbedError(f"node {self.name}: it is running already")
        self.kill()  # what a boot that ended half-way has left
        for interface in self.record.interfaces:
            network.set_cable(self.bed, interface, connected=True)
        (self.state / "root").mkdir(exist_ok=True)
        notify_path = self.state / "notify"
        notify_path.unlink(missing_ok=True)
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notify:
            notify.bind(os.fspath(notify_path))
            run(self._boot_argv(), env=self._boot_environment(notify_path))
            self._await_ready(notify, time.monotonic() + timeout_s)
        notify_path.unlink(missing_ok=True)
        return self

    def _script_argv(self, mode: str) -> list[str]:
        options = "" if self.record.durable else ",volatile"
        argv = ["sh", os.fspath(_SCRIPT), mode, self.record.directory, os.fspath(self.state)]
        return [*argv, ":".join(self.record.layers), options, os.fspath(debs_folder())]

    def _boot_argv(self) -> list[str]:
        argv = ["setsid", "--fork"]
        if _SYSTEMD.is_dir():  # the owner of the cgroups gives us one of our own
            unit = f"debstack-testbed-{self.bed}-{self.name}.scope"
            argv += ["systemd-run", "--scope", "--quiet", "--collect", f"--unit={unit}"]
            argv += ["--slice=machine.slice", "--property=Delegate=yes", "--"]
        argv += ["unshare", "--mount", "--propagation", "slave"]
        return [*argv, *self._script_argv("boot"), *nspawn_argv(self.record, self.state / "root")]

    def _boot_environment(self, notify_path: Path) -> dict[str, str]:
        environment = {
            "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1",
            "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1",
            "NOTIFY_SOCKET": os.fspath(notify_path),
        }
        if not _SYSTEMD.is_dir():
            environment["TESTBED_CGROUP"] = os.fspath(self._own_cgroup())
        return environment

    def _own_cgroup(self) -> Path:
        return cgroup2_mount() / "debstack-testbed" / f"{self.bed}-{self.name}"

    def _await_ready(self, notify: socket.socket, deadline: float) -> None:
        """Wait for the messages that nspawn sends: the pid of the node's init, then its READY."""
        notify.settimeout(0.5)
        while time.monotonic() < deadline:
            try:
                message = notify.recv(4096).decode("utf-8", errors="replace").splitlines()
            except TimeoutError:
                if not self._supervisor_alive():
                    break
                continue
            for line in message:
                if line.startswith("X_NSPAWN_LEADER_PID="):
                    self._write_running(int(line.partition("=")[2]))
            if "READY=1" in message:
                return
        text = self.console()[-2000:]
        self.kill()
        raise TestbedError(
            f"node {self.name}: it did not come up; the console's last words:\n"
            + "".join(f"    {line}\n" for line in text.splitlines()[-15:]).rstrip(),
            hint="it needs overlayfs, systemd-nspawn, and DEBSTACK_CACHE on a disk (no overlay)",
        )

    def console(self) -> str:
        """Return what the node has printed on its console since it was made."""
        try:
            return (self.state / "console.log").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def _supervisor_pid(self) -> int | None:
        try:
            return int((self.state / "pid").read_text(encoding="ascii"))
        except (FileNotFoundError, ValueError):
            return None

    def _supervisor_alive(self) -> bool:
        pid = self._supervisor_pid()
        if pid is None:
            return True  # not even started: the deadline decides
        try:
            return Identity.of(pid).alive()
        except ProcessLookupError:
            return False

    def _write_running(self, leader: int) -> None:
        supervisor = self._supervisor_pid()
        if supervisor is None:
            raise TestbedError(f"node {self.name}: started, but {self.state}/pid is missing")
        group = cgroup_of(supervisor)
        group = group.parent if group.name == "supervisor" else group
        running = Running(
            supervisor=Identity.of(supervisor),
            leader=Identity.of(leader),
            cgroup=group,
            device=Path(f"/proc/{leader}/root/.").stat().st_dev,
        )
        write_json(self.state / "running.json", running.dump())

    def shutdown(self, *, timeout_s: float = _SHUTDOWN_TIMEOUT_S) -> None:
        """Switch the node off as systemd does it, services stopped in order."""
        running = self._require_running()
        os.kill(running.leader.pid, _POWEROFF)
        wait_until(
            lambda: not running.supervisor.alive(),
            timeout_s=timeout_s,
            what=f"node {self.name} to switch off",
        )
        self.kill()

    def kill(self) -> None:
        """Cut the node's power: every process in it ends at once. Nothing happens if it is off."""
        content = read_json(self.state / "running.json")
        groups = {Path(content["cgroup"])} if content else set()
        if not _SYSTEMD.is_dir():
            groups.add(self._own_cgroup())
        for group in groups:
            kill_cgroup(group)
        if content:
            detach_loops(content["device"])
            for interface in self.record.interfaces:
                network.cut_power(self.bed, self.name, interface)
        for name in ("running.json", "pid"):
            (self.state / name).unlink(missing_ok=True)
        # nspawn tidies up these itself, unless it was killed
        machine = f"{self.bed}-{self.name}"
        shutil.rmtree(Path("/run/systemd/nspawn/propagate") / machine, ignore_errors=True)
        (Path("/run/systemd/nspawn/locks") / f"name-{machine}").unlink(missing_ok=True)

    def reboot(self, *, timeout_s: float = BOOT_TIMEOUT_S) -> Self:
        """Switch the node off in order and on again; return it."""
        self.shutdown()
        return self.boot(timeout_s=timeout_s)

    def _require_running(self) -> Running:
        running = self.running()
        if running is None:
            raise TestbedError(
                f"node {self.name}: it is switched off",
                hint=f"run: python3 -m testbed --bed {self.bed} boot {self.name}",
            )
        return running

    def enter_argv(self, argv: Sequence[str]) -> list[str]:
        """Return the host's command line that runs `argv` in the booted node."""
        leader = str(self._require_running().leader.pid)
        enter = ["nsenter", "--target", leader, "--mount", "--uts", "--ipc", "--net"]
        return [*enter, "--pid", "--cgroup", "--", *argv]

    def chroot_argv(self, argv: Sequence[str]) -> list[str]:
        """Return the host's command line that runs `argv` in the root of the switched-off node.

        There is no init in it; what `argv` leaves running ends with it. The binds are not shown
        here but in `chroot_environment`.
        """
        if self.running():
            raise TestbedError(
                f"node {self.name}: it is running, so its root cannot be entered without its init",
                hint="switch it off first",
            )
        namespace = network.namespace_name(self.bed, "node", self.name)
        enter = ["nsenter", f"--net={network.namespace_path(namespace)}"]
        enter += ["unshare", "--kill-child", "--mount", "--propagation", "private"]
        enter += ["--pid", "--fork", "--ipc", "--uts"]
        (self.state / "root").mkdir(exist_ok=True)
        return [*enter, *self._script_argv("enter"), *argv]

    def chroot_environment(self) -> dict[str, str]:
        """Return what the environment of a command of `chroot_argv` needs."""
        binds = (f"{bind.source}:{bind.target}" for bind in self.record.binds)
        return {"TESTBED_BINDS": " ".join(binds)}


def wait_until(
    condition: Callable[[], object],
    *,
    timeout_s: float = 30.0,
    what: str = "the condition",
    interval_s: float = 0.05,
) -> None:
    """Poll `condition` until it is true; raises TestbedError naming `what` after `timeout_s`."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TestbedError(f"waited {timeout_s:.0f} s for {what}, in vain")
        time.sleep(interval_s)
