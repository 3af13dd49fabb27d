# SPDX-License-Identifier: Apache-2.0
"""Measuring the all-in-one: from a bare Debian to a virtual machine, and what it costs at rest."""

from __future__ import annotations

import re
import statistics
import sys
import time
from pathlib import Path

from benchmark.figure import Figure
from benchmark.ours import measured_apply
from benchmark.peer_all_in_one import Theirs, measure_peer_all_in_one
from benchmark.usage import Usage, connections, latencies, memory, packages
from cloudtest import virtual
from cloudtest.acting import apt, debstack
from cloudtest.stages import ALL_IN_ONE, STAGE_NODE
from debstack.base.errors import DebstackError
from testbed.bed import Testbed

_INSTALL_TIMEOUT_S = 1800.0
_CLIENTS = (1, 8, 32)
_REQUESTS = 320
#: Units whose memory is told apart.
_LARGEST = 12
_APPLIED = re.compile(r"^debstack: done: .* \((?P<seconds>[0-9.]+) s\)$", re.M)


def apply_seconds(output: str) -> float:
    """Return how long the applies in the output of an installation took together."""
    found = [float(match["seconds"]) for match in _APPLIED.finditer(output)]
    if not found:
        raise DebstackError("bench: the installation did not say how long apply took")
    return sum(found)


def _latency_figures(ours: Usage, theirs: Theirs | None) -> list[Figure]:
    def of_peer(operation: str, clients: str, index: int) -> float | None:
        return theirs.usage.latencies[operation][clients][index] if theirs else None

    return [
        Figure(
            name=f"{operation}, {clients} clients, {what}",
            value=values[index],
            unit="ms",
            peer=of_peer(operation, clients, index),
        )
        for operation, by_clients in ours.latencies.items()
        for clients, values in by_clients.items()
        for index, what in enumerate(("median", "99th percentile"))
    ]


def _theirs_alone(theirs: Theirs) -> list[Figure]:
    return [
        Figure(name=f"  peer's {name}", value=seconds, unit="s")
        for name, seconds in (*theirs.parts.items(), ("repairs by hand", theirs.repairs_s))
    ]


def _usage_figures(ours: Usage, theirs: Theirs | None) -> list[Figure]:
    used = theirs.usage if theirs else None
    return [
        Figure(
            name="packages installed",
            value=ours.packages.count,
            unit="",
            target=783,
            peer=used.packages.count if used else None,
        ),
        Figure(
            name="installed size",
            value=ours.packages.gibibytes,
            unit="GiB",
            target=1.91,
            peer=used.packages.gibibytes if used else None,
        ),
        Figure(
            name="memory at rest",
            value=ours.memory_gib,
            unit="GiB",
            target=4,
            peer=used.memory_gib if used else None,
        ),
        *(
            Figure(name=f"  memory: {unit}", value=mebibytes, unit="MiB")
            for unit, mebibytes in list(ours.memory.items())[:_LARGEST]
        ),
        Figure(
            name="database connections",
            value=ours.connections,
            unit="",
            target=60,
            peer=used.connections if used else None,
        ),
    ]


def _theirs() -> Theirs | None:
    """Return the peer's figures; None where its cloud does not come up, which is said."""
    try:
        return measure_peer_all_in_one(_REQUESTS, _CLIENTS)
    except DebstackError as error:
        print(f"bench: the peer was not measured: {error.message}", file=sys.stderr)
        return None


def measure_all_in_one(repository: Path, peer: bool) -> list[Figure]:
    """Install openstack-all-in-one on a bare node, start a virtual machine, and look around."""
    with Testbed("bench-aio") as bed:
        node = bed.create(STAGE_NODE, packages=[ALL_IN_ONE], repository=repository).boot()
        before = packages(node)
        began = time.monotonic()
        output = apt(node, "install", ALL_IN_ONE, timeout_s=_INSTALL_TIMEOUT_S).stdout
        installed = time.monotonic()
        added = packages(node) - before
        debstack(node, "demo")
        virtual.make_server(node, "first")
        active = time.monotonic()
        nothing = statistics.median(measured_apply(node)[0] for _ in range(3))
        virtual.remove_server(node, "first")
        usage = Usage(
            packages=added,
            latencies=latencies(node, _REQUESTS, _CLIENTS),
            memory=memory(node),
            connections=connections(node),
        )
    theirs = _theirs() if peer else None
    return [
        Figure(
            name="bare Debian to ACTIVE",
            value=active - began,
            unit="s",
            target=250,
            peer=theirs.active_s if theirs else None,
        ),
        Figure(
            name="  of it: apt-get install",
            value=installed - began,
            unit="s",
            peer=theirs.install_s if theirs else None,
        ),
        Figure(name="  of that: apply", value=apply_seconds(output), unit="s", target=45),
        Figure(name="apply of all, nothing to do", value=nothing, unit="s", target=3),
        Figure(
            name="answers that a person gives",
            value=0,
            unit="",
            peer=theirs.answers if theirs else None,
        ),
        *(_theirs_alone(theirs) if theirs else []),
        *_usage_figures(usage, theirs),
        *_latency_figures(usage, theirs),
    ]
