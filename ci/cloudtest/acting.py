# SPDX-License-Identifier: Apache-2.0
"""What tests do in a node, which may be booted or switched off (then as in a chroot)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debstack.base.run import Result
from testbed.node import Node

INSTALL_TIMEOUT_S = 900.0
#: Programs that run in nodes.
INSIDE = Path(__file__).with_name("inside")
NONINTERACTIVE = {"DEBIAN_FRONTEND": "noninteractive"}


def act(
    node: Node,
    *argv: str,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    input: str | None = None,
    timeout_s: float = 120.0,
    secrets: Sequence[str] = (),
) -> Result:
    """Run `argv` in `node`; stdout of the Result has both its outputs as they came.

    Raises CommandError with the end of the output where it fails and `check` is set.
    """
    enter = node.run if node.running() else node.enter_chroot
    words = ["sh", "-c", 'exec "$@" 2>&1', "sh", *argv]
    return enter(words, check=check, env=env, input=input, timeout_s=timeout_s, secrets=secrets)


def apt(
    node: Node,
    *arguments: str,
    check: bool = True,
    env: Mapping[str, str] | None = None,
    timeout_s: float = INSTALL_TIMEOUT_S,
) -> Result:
    """Run apt-get with `arguments`, unattended; like `act`."""
    whole = {**NONINTERACTIVE, **(env or {})}
    return act(node, "apt-get", "-y", *arguments, check=check, env=whole, timeout_s=timeout_s)


def dpkg_configure(
    node: Node, *, check: bool = True, env: Mapping[str, str] | None = None
) -> Result:
    """Run `dpkg --configure -a`, unattended; like `act`."""
    whole = {**NONINTERACTIVE, **(env or {})}
    argv = ("dpkg", "--configure", "-a")
    return act(node, *argv, check=check, env=whole, timeout_s=INSTALL_TIMEOUT_S)


def debstack(node: Node, *arguments: str, check: bool = True, input: str | None = None) -> Result:
    """Run debstack with `arguments`; like `act`."""
    return act(node, "debstack", *arguments, check=check, input=input, timeout_s=300)


def answer(node: Node, **answers: str) -> None:
    """Change answers that the whole machine shares."""
    for name, value in answers.items():
        debstack(node, "answers", "set", f"openstack/{name.replace('_', '-')}", value)


def status(node: Node) -> Any:
    """Return what `debstack status --json` prints, whatever its exit code is."""
    enter = node.run if node.running() else node.enter_chroot
    return json.loads(enter(["debstack", "status", "--json"], check=False).stdout)


def openstack(node: Node, *arguments: str, timeout_s: float = 120.0) -> str:
    """Run the command line client as the cloud's administrator; return its stdout.

    It needs seconds to start: where the client itself does not matter, use `inside`.
    """
    return node.run(["openstack", "--os-cloud", "admin", *arguments], timeout_s=timeout_s).stdout


def openstack_json(node: Node, *arguments: str, timeout_s: float = 120.0) -> Any:
    """Return what the command line client prints in JSON."""
    return json.loads(openstack(node, *arguments, "--format", "json", timeout_s=timeout_s))


def preseed(node: Node, answers: Mapping[str, str], passwords: Mapping[str, str]) -> None:
    """Answer questions by debconf-set-selections; full names to values."""
    lines = [f"debstack {name} string {value}" for name, value in answers.items()]
    lines += [f"debstack {name} password {value}" for name, value in passwords.items()]
    act(node, "debconf-set-selections", input="\n".join(lines) + "\n")


def inside(node: Node, script: str, *arguments: str, timeout_s: float = 120.0) -> Any:
    """Run the Python program inside/<script>.py in `node`; return what it prints, read as JSON."""
    source = (INSIDE / f"{script}.py").read_text(encoding="utf-8")
    argv = ["python3", "-", *arguments]
    return json.loads(node.run(argv, input=source, timeout_s=timeout_s).stdout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """What debstack printed about a failure: its error lines and its hint lines, in order."""

    errors: tuple[str, ...]
    hints: tuple[str, ...]


def complaint(output: str) -> Complaint:
    """Return what debstack complains about in `output`."""

    def after(prefix: str) -> tuple[str, ...]:
        lines = [line.strip() for line in output.splitlines()]
        return tuple(line.removeprefix(prefix) for line in lines if line.startswith(prefix))

    return Complaint(errors=after("debstack: error: "), hints=after("debstack: hint: "))
