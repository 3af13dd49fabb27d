# SPDX-License-Identifier: Apache-2.0
"""Measuring: a table on the terminal, and build/bench/*.json."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from benchmark import ours, peer
from benchmark.figure import Figure, table, write
from pipeline.tree import BUILD
from tasks.program import expected_failures
from testbed import archive


def _against_peer(with_peer: bool) -> list[Figure]:
    mine = ours.measure_install(BUILD / "repo")
    theirs = peer.measure_peer() if with_peer else {}
    return [
        Figure(name=name, value=value, unit="s", peer=theirs.get(name))
        for name, value in mine.items()
    ]


@task(help={"peer": "measure Debian's own packages too (default: yes)"})
@expected_failures
def bench(_: Context, peer: bool = True) -> None:
    """Measure apply and the installation, beside Debian's own packages."""
    repository = (BUILD / "repo").resolve()
    archive.supply(["openstack-controller"], repository=repository)
    figures = [*ours.measure_apply(repository), *_against_peer(peer)]
    write(figures, BUILD / "bench" / "identity-and-image.json")
    print(table(figures))
