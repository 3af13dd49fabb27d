# SPDX-License-Identifier: Apache-2.0
"""Killing a command in a node, with all that it has started, at one moment."""

from __future__ import annotations

from typing import NamedTuple

from cloudtest.acting import inside
from testbed.node import Node

_TIMEOUT_S = 400.0


class Moment(NamedTuple):
    """When all is killed: what is waited for, and seconds after it; see inside/kill_at.py."""

    kind: str
    pattern: str
    delay_s: str = "0.0"
    #: What a shell undoes first, where another resumption may have done this work: steps run side
    #: by side, so how far each of them was at a kill depends on the machine.
    undo: str = ""


def kill(node: Node, moment: Moment, *command: str) -> None:
    """Run `command` in `node` and kill all of it at that moment, which has to come."""
    when = (moment.kind, moment.pattern, moment.delay_s)
    found = inside(node, "kill_at", *when, *command, timeout_s=_TIMEOUT_S)
    if not found["killed"]:
        raise AssertionError(f"{moment} never came: code {found['code']}\n{found['output']}")
