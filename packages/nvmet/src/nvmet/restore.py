# SPDX-License-Identifier: Apache-2.0
"""Targets as they were before the machine went down.

A host whose connection broke comes again every few seconds. If the port is there by then and the
subsystem is not, it is told that there is none, and gives its disks up for good. So all subsystems
come first, then the ports with all that they offer, at once, from one process.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from nvmet import memory, nvme, tree

_POLL_S = 0.5
_MAKERS: Mapping[str, Callable[[Mapping[str, Any]], None]] = {
    "hosts": nvme.Host.make,
    "subsystems": nvme.Subsystem.make,
    "ports": nvme.Port.make,
}


def restore(timeout_s: float) -> list[str]:
    """Make the targets that were written down; return what could not be made. Raises CFSError.

    A disk or an address that is not there yet is waited for. What is written down stays as it is.
    """
    wanted = memory.stored()
    deadline = time.monotonic() + timeout_s
    problems: list[str] = []
    for kind in memory.KINDS:
        entries = wanted[kind]
        if kind == "ports":
            entries = [_offering_what_there_is(entry) for entry in entries]
        problems += _make_all(_MAKERS[kind], entries, deadline)
    return problems


def _offering_what_there_is(port: Mapping[str, Any]) -> Mapping[str, Any]:
    there = {subsystem.nqn for subsystem in nvme.Root().subsystems}
    return {**port, "subsystems": [nqn for nqn in port["subsystems"] if nqn in there]}


def _make_all(
    make: Callable[[Mapping[str, Any]], None],
    todo: Sequence[Mapping[str, Any]],
    deadline: float,
) -> list[str]:
    """Make all of one kind, again and again until `deadline`; return the errors of the rest."""
    while True:
        left, errors = [], []
        for entry in todo:
            try:
                make(entry)
            except tree.CFSError as error:
                left.append(entry)
                errors.append(str(error))
        todo = left
        if not todo or time.monotonic() >= deadline:
            return errors
        time.sleep(_POLL_S)
