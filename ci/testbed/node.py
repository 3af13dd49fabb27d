# SPDX-License-Identifier: Apache-2.0
"""A node of a testbed: a machine that commands are run in and files are copied to and from."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from debstack.base.errors import CommandError
from debstack.base.run import PATH, Result, masked, run
from testbed import network
from testbed.machine import Machine, wait_until
from testbed.places import remove_tree

__all__ = ["DEFAULT_TIMEOUT_S", "Node", "wait_until"]

DEFAULT_TIMEOUT_S = 600.0
_GRACE_S = 10
_KILLED = (124, 137)  # what timeout(1) makes of the exit code
_TAIL_LINES = 20


class Node(Machine):
    """A node; made by Testbed.create, found again by Testbed.node."""

    __slots__ = ()

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
            look = f"python3 -m testbed --bed {self.bed} shell {self.name}"
            raise CommandError(
                argv,
                result.code,
                text.splitlines()[-_TAIL_LINES:],
                reason=reason,
                hint=f"while it is there, look around with: {look}",
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

    @contextmanager
    def cut_off(self) -> Iterator[None]:
        """Have the node out of everybody's reach as long as the block runs."""
        for interface in self.record.interfaces:
            network.set_cable(self.bed, interface, connected=False)
        try:
            yield
        finally:
            for interface in self.record.interfaces:
                network.set_cable(self.bed, interface, connected=True)

    def remove(self) -> None:
        """Switch the node off and remove everything of it: files, cables, state."""
        directory = self.directory
        self.kill()
        for interface in self.record.interfaces:
            network.unplug(self.bed, interface)
        network.remove_namespace(network.namespace_name(self.bed, "node", self.name))
        remove_tree(directory)
        remove_tree(self.state)


def _limit(timeout_s: float) -> list[str]:
    # Kept inside the node, where the command itself can be killed.
    return ["timeout", f"--kill-after={_GRACE_S}", f"{timeout_s:.3f}"]
