# SPDX-License-Identifier: Apache-2.0
"""Which compute nodes the controller has seen, so that it notices those that have left.

A compute node that is purged deletes its service at Nova itself. What it cannot do from there, as
the RabbitMQ users that it had for itself, is done here once it is missed.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from debstack.runtime.files import WantedFile, difference, make_folder, read_text, write
from debstack.runtime.nodes.inventory import Node

PATH = "/var/lib/debstack/compute-nodes.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Departures:
    """Who has left, and whom to look for the next time."""

    left: tuple[str, ...]
    known: frozenset[str]


def departures(known: Iterable[str], nodes: Sequence[Node]) -> Departures:
    """Return which of the compute nodes that were `known` have left the cloud. Pure.

    One that Nova knows no more, and of which something reports, is about to leave.
    """
    computes = {node.name for node in nodes if node.compute is not None}
    reporting = {node.name for node in nodes if any(report.up for report in node.reports)}
    missed = set(known) - computes
    return Departures(
        left=tuple(sorted(missed - reporting)), known=frozenset(computes | (missed & reporting))
    )


def read(root: Path) -> frozenset[str]:
    """Return the compute nodes that were there the last time."""
    return frozenset(json.loads(read_text(root / PATH.lstrip("/")) or "[]"))


def note(root: Path, names: Iterable[str]) -> None:
    """Note the compute nodes that are there."""
    path = root / PATH.lstrip("/")
    wanted = WantedFile(path=path, content=json.dumps(sorted(names)) + "\n")
    if difference(wanted):
        make_folder(path.parent)
        write(wanted)


def awaited(root: Path, name: str) -> None:
    """Note that the machine `name` is to come again: what is made for it now has to stay."""
    names = read(root)
    if name in names:
        note(root, names - {name})
