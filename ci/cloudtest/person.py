# SPDX-License-Identifier: Apache-2.0
"""Somebody who uses a cloud from a machine: who he is in a file of his own, nobody's root."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping

from cloudtest.acting import act
from debstack.base.run import Result
from debstack.runtime.cloud_file import SHARED
from testbed.node import Node

NAME = "person"
_SECURE = f"/home/{NAME}/.config/openstack/secure.yaml"


def settle(node: Node, account: Mapping[str, str]) -> None:
    """Make the user on the booted `node`; he has the `account` at the cloud that all know there.

    `account` is what inside/tenant.py prints.
    """
    act(node, "useradd", "--create-home", "--shell", "/bin/bash", NAME)
    # JSON is YAML.
    text = json.dumps({"clouds": {SHARED: {"auth": dict(account)}}})
    act(node, "install", "-D", "-m", "0600", "/dev/stdin", _SECURE, input=text)
    act(node, "chown", "--recursive", f"{NAME}:", f"/home/{NAME}")


def does(node: Node, *argv: str, check: bool = True, timeout_s: float = 120.0) -> Result:
    """Run `argv` as the user, with his environment; both outputs as they came are stdout."""
    line = f"export OS_CLOUD={SHARED}; {shlex.join(argv)}"
    command = ["runuser", "--login", NAME, "--command", line]
    return act(node, *command, check=check, timeout_s=timeout_s)
