# SPDX-License-Identifier: Apache-2.0
"""One node: a Debian machine that can be booted, entered, switched off, and taken apart."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from debstack.base.errors import CommandError
from debstack.base.run import PATH, Result, masked, run
from testbed import network
from testbed.archive import debs_folder
from testbed.loops import detach_loops
from testbed.places import STATE, TestbedError, read_json, write_json
from testbed.process import Identity, cgroup2_mount, cgroup_of, kill_cgroup
from testbed.record import Record, Running, nspawn_argv

DEFAULT_TIMEOUT_S = 600.0
BOOT_TIMEOUT_S = 60.0
_SHUTDOWN_TIMEOUT_S = 120.0
_GRACE_S = 10
_KILLED = (124, 137)  # what timeout(1) makes of the exit code
_TAIL_LINES = 20
_POWEROFF = signal.SIGRTMIN + 4  # what systemd understands as "switch off"
_SCRIPT = Path(__file__).with_name("node.sh")
_SYSTEMD = Path("/run/systemd/system")


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A node of a testbed; made by Testbed.create, found again by Testbed.node."""

    record: Record
    state: Path = field(repr=False)

    @property
    def name(self) -> str:
        """The node's name, which is its host name too."""
        return self.record.name

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

    # -- switching on and off --------------------------------------------------------------------

    def running(self) -> Running | None:
        """Return what the node runs as, or None if it is switched off."""
        content = read_json(self.state / "running.json")
        if content is None:
            return None
        found = Running.load(content)
        return found if found.leader.alive() else None

    def boot(self, *, timeout_s: float = BOOT_TIMEOUT_S) -> Node:
        """Switch the node on, wait until systemd has started everything, and return the node.

        Raises TestbedError with the end of the console's text if it does not come up in time.
        """
        if self.running():
            raise TestbedError(f"node {self.name}: it is running already")
        self.kill()  # what a boot that ended half-way has left
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
            unit = f"debstack-testbed-{self.record.bed}-{self.name}.scope"
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
        return cgroup2_mount() / "debstack-testbed" / f"{self.record.bed}-{self.name}"

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
            hint="the testbed needs root, overlayfs and systemd-nspawn",
        )

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
        for name in ("running.json", "pid"):
            (self.state / name).unlink(missing_ok=True)
        # nspawn tidies up these itself, unless it was killed
        machine = f"{self.record.bed}-{self.name}"
        shutil.rmtree(Path("/run/systemd/nspawn/propagate") / machine, ignore_errors=True)
        (Path("/run/systemd/nspawn/locks") / f"name-{machine}").unlink(missing_ok=True)

    def reboot(self, *, timeout_s: float = BOOT_TIMEOUT_S) -> Node:
        """Switch the node off in order and on again; return it."""
        self.shutdown()
        return self.boot(timeout_s=timeout_s)

    def _require_running(self) -> Running:
        running = self.running()
        if running is None:
            raise TestbedError(
                f"node {self.name}: it is switched off",
                hint=f"run: python3 -m testbed --bed {self.record.bed} boot {self.name}",
            )
        return running

    # -- running things in it --------------------------------------------------------------------

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
        namespace = network.namespace_name(self.record.bed, "node", self.name)
        enter = ["nsenter", f"--net={network.namespace_path(namespace)}"]
        enter += ["unshare", "--kill-child", "--mount", "--propagation", "private"]
        enter += ["--pid", "--fork", "--ipc", "--uts"]
        (self.state / "root").mkdir(exist_ok=True)
        return [*enter, *self._script_argv("enter"), *argv]

    def chroot_environment(self) -> dict[str, str]:
        """Return what the environment of a command of `chroot_argv` needs."""
        binds = (f"{bind.source}:{bind.target}" for bind in self.record.binds)
        return {"TESTBED_BINDS": " ".join(binds)}

    def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        secrets: Sequence[str] = (),
    ) -> Result:
        """Run `argv` as root in the booted node and return its Result.

        It has a small environment with `env` added, `input` or nothing to read, and is killed
        after `timeout_s` seconds. Raises CommandError as debstack.base.run does.
        """
        words = self.enter_argv([*_limit(timeout_s), *argv])
        return self._told(argv, words, check, input, env or {}, timeout_s, secrets)

    def enter_chroot(
        self,
        argv: Sequence[str],
        *,
        check: bool = True,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        secrets: Sequence[str] = (),
    ) -> Result:
        """Run `argv` in the root of the switched-off node, as in a chroot; otherwise like `run`."""
        words = self.chroot_argv([*_limit(timeout_s), *argv])
        extra = {**self.chroot_environment(), **(env or {})}
        return self._told(argv, words, check, input, extra, timeout_s, secrets)

    def _told(
        self,
        argv: Sequence[str],
        words: Sequence[str],
        check: bool,
        input: str | None,
        env: Mapping[str, str],
        timeout_s: float,
        secrets: Sequence[str],
    ) -> Result:
        """Run `words` on the host; in errors, it is `argv` that has failed, in this node."""
        result = run(
            words,
            check=False,
            input=input,
            env={"USER": "root", "LOGNAME": "root", "TERM": "dumb", **env},
            timeout_s=timeout_s + 2 * _GRACE_S,
            secrets=secrets,
        )
        if check and result.code != 0:
            text = masked(f"{result.stdout}{result.stderr}".strip(), secrets)
            reason = f"node {self.name}: {masked(shlex.join(argv), secrets)}: "
            reason += f"exit code {result.code}"
            if result.code in _KILLED:
                reason += f" (the time limit is {timeout_s:.0f} s)"
            look = f"python3 -m testbed --bed {self.record.bed} shell {self.name}"
            raise CommandError(
                argv,
                result.code,
                text.splitlines()[-_TAIL_LINES:],
                reason=reason,
                hint=f"look around with: {look}",
            )
        return result

    def spawn_argv(self, argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> list[str]:
        """Return a host's command line for `argv` in the booted node that a terminal can drive.

        Nothing of the caller's environment gets in; `env` is added to a small one. Hand it to
        pexpect, or replace this process with it.
        """
        environment = {
            "PATH": PATH,
            "HOME": "/root",
            "USER": "root",
            "LOGNAME": "root",
            "SHELL": "/bin/bash",
            "LANG": "C.UTF-8",
            "TERM": os.environ.get("TERM", "dumb"),
            **(env or {}),
        }
        assignments = [f"{name}={value}" for name, value in environment.items()]
        return self.enter_argv(["env", "--ignore-environment", *assignments, *argv])

    def journal(self, *arguments: str) -> str:
        """Return the journal of the node, running or not; `arguments` are journalctl's."""
        enter = self.run if self.running() else self.enter_chroot
        return enter(["journalctl", "--no-pager", *arguments], check=False).stdout

    def console(self) -> str:
        """Return what the node has printed on its console since it was made."""
        try:
            return (self.state / "console.log").read_text(encoding="utf-8", errors="replace")
        except FileNotFoundError:
            return ""

    def write_file(self, target: str, content: str, *, mode: int = 0o644) -> None:
        """Write `content` to the file `target` of the node, running or not."""
        enter = self.run if self.running() else self.enter_chroot
        script = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
        enter(["sh", "-c", script, "sh", target, f"{mode:o}"], input=content)

    def read_file(self, source: str) -> str:
        """Return the text of the node's file `source`, the node running or not."""
        enter = self.run if self.running() else self.enter_chroot
        return enter(["cat", source]).stdout

    def copy_in(self, source: Path, target: str) -> None:
        """Copy the host's file or folder `source` to the path `target` in the node.

        A folder's content is added to what `target` holds already; owners and modes are kept.
        """
        if source.is_dir():
            sent = 'tar -C "$1" -c . | "${@:2}"'
            received = 'mkdir -p "$1" && exec tar -C "$1" -x --numeric-owner'
        else:
            sent = '"${@:2}" <"$1"'
            received = 'mkdir -p "$(dirname "$1")" && cat >"$1" && chmod "$2" "$1"'
        mode = f"{source.stat().st_mode & 0o7777:o}"
        self._pipe(sent, source, ["sh", "-c", received, "sh", target, mode])

    def copy_out(self, source: str, target: Path) -> None:
        """Copy the node's file or folder `source` to the path `target` on the host."""
        enter = self.run if self.running() else self.enter_chroot
        if enter(["test", "-d", source], check=False).code == 0:
            target.mkdir(parents=True, exist_ok=True)
            command = ["tar", "-C", source, "-c", "."]
            received = '"${@:2}" | tar -C "$1" -x --numeric-owner'
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            command = ["cat", source]
            received = '"${@:2}" >"$1"'
        self._pipe(received, target, command)

    def _pipe(self, script: str, host: Path, command: Sequence[str]) -> None:
        """Run bash's `script` on the host: $1 is `host`, the other words run `command` inside."""
        running = self.running()
        words = self.enter_argv(command) if running else self.chroot_argv(command)
        env = {} if running else self.chroot_environment()
        bash = ["bash", "-o", "errexit", "-o", "pipefail", "-c", script, "bash"]
        run([*bash, host, *words], env=env, timeout_s=DEFAULT_TIMEOUT_S)

    # -- the node as a whole ---------------------------------------------------------------------

    def saved(self, **changes: Any) -> Node:
        """Write the node's record down with `changes`, and return the node that it describes."""
        record = replace(self.record, **changes)
        write_json(self.state / "node.json", record.dump())
        return replace(self, record=record)

    def remove(self) -> None:
        """Switch the node off and remove everything of it: files, cables, state."""
        self.kill()
        network.remove_namespace(network.namespace_name(self.record.bed, "node", self.name))
        remove_tree(self.directory)
        remove_tree(self.state)


def _limit(timeout_s: float) -> list[str]:
    # Kept inside the node, where the command itself can be killed.
    return ["timeout", f"--kill-after={_GRACE_S}", f"{timeout_s:.3f}"]


def node_state(bed: str, name: str) -> Path:
    """Return the folder below /run of node `name` of testbed `bed`."""
    return STATE / bed / "nodes" / name


def remove_tree(path: Path) -> None:
    """Remove the folder `path` and all in it, also what has vanished meanwhile."""
    if path.exists():
        run(["rm", "-rf", "--one-file-system", "--", path])


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


@contextmanager
def booted(node: Node) -> Iterator[Node]:
    """Give `node` booted, and switch it off (without ceremony) afterwards."""
    node.boot()
    try:
        yield node
    finally:
        node.kill()
