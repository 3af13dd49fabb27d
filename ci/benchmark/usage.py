# SPDX-License-Identifier: Apache-2.0
"""What a cloud on one node takes of it: packages, memory, connections; how quickly it answers."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.figure import Figure
from cloudtest.acting import act, inside
from testbed.node import Node

#: Figures that both clouds have besides.
TO_ACTIVE = "bare Debian to ACTIVE"
INSTALL = "  of it: apt-get install"
ANSWERS = "answers that a person gives"
#: What a cloud does by itself after it was made, such as a first periodic task, is over by then.
_REST_S = 60.0
#: Number and size (KiB) of the packages on the machine.
_PACKAGES = "dpkg-query -W -f '${Installed-Size}\\n' | awk '{n++; s+=$1} END {print n, s}'"
#: The same of what apt would install of the named packages, without what is only recommended.
_REQUIRED = """
apt-get --simulate --no-install-recommends install "$@" | awk '$1 == "Inst" {print $2}' |
    xargs apt-cache show --no-all-versions |
    awk '$1 == "Installed-Size:" {n++; s+=$2} END {print n, s}'
"""
_CONNECTIONS = "SHOW GLOBAL STATUS LIKE '{}'"
_LATENCY_TIMEOUT_S = 1800.0

_CLIENTS = (1, 8, 32)
_REQUESTS = 320
#: Units whose memory is told apart.
_LARGEST = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """How many packages there are, and the size that they say they have."""

    count: int
    gibibytes: float

    def __sub__(self, before: Packages) -> Packages:
        return Packages(
            count=self.count - before.count, gibibytes=self.gibibytes - before.gibibytes
        )


def _counted(told: str) -> Packages:
    count, kibibytes = told.split()
    return Packages(count=int(count), gibibytes=int(kibibytes) / 1024 / 1024)


def packages(node: Node) -> Packages:
    """Return the packages on `node`."""
    return _counted(node.run(["sh", "-c", _PACKAGES]).stdout)


def required(node: Node, *names: str) -> list[Figure]:
    """Return what the packages `names` add to `node` at the least: all that they depend on.

    The targets are what Debian's own packages of the same services add, counted in this way.
    """
    found = _counted(node.run(["sh", "-c", _REQUIRED, "sh", *names]).stdout)
    return [
        Figure(name="packages, without recommended ones", value=found.count, unit="", target=783),
        Figure(name="  their size", value=found.gibibytes, unit="GiB", target=1.91),
    ]


def _latencies(node: Node) -> list[Figure]:
    found = inside(
        node, "latency", str(_REQUESTS), *map(str, _CLIENTS), timeout_s=_LATENCY_TIMEOUT_S
    )
    return [
        Figure(name=f"{operation}, {clients} clients, {what}", value=value, unit="ms")
        for operation, by_clients in found.items()
        for clients, values in by_clients.items()
        for what, value in zip(("median", "99th percentile"), values, strict=True)
    ]


def _connections(node: Node, variable: str) -> int:
    statement = _CONNECTIONS.format(variable)
    return int(act(node, "mariadb", "-N", "-e", statement).stdout.split()[1])


def by_service(memory: Mapping[str, float]) -> dict[str, float]:
    """Return the memory of units summed by what they are units of, largest first.

    That is the first word of a unit's name: neutron of neutron-api.service.
    """
    found: dict[str, float] = defaultdict(float)
    for unit, mebibytes in memory.items():
        found[re.split(r"[-.@]", unit, maxsplit=1)[0]] += mebibytes
    return dict(sorted(found.items(), key=lambda item: -item[1]))


def at_rest(node: Node, *, memory: float, connections: float | None = None) -> list[Figure]:
    """Measure what the cloud of `node` holds while nobody wants anything of it.

    `memory` (GiB) and `connections` to the database server are the most that it should hold.
    """
    time.sleep(_REST_S)
    held: dict[str, float] = inside(node, "memory")
    # The one that asks is one of them.
    open_ = _connections(node, "Threads_connected") - 1
    parts = [*by_service(held).items(), *list(held.items())[:_LARGEST]]
    return [
        Figure(name="memory at rest", value=sum(held.values()) / 1024, unit="GiB", target=memory),
        Figure(name="database connections at rest", value=open_, unit="", target=connections),
        *(
            Figure(name=f"  memory: {name}", value=mebibytes, unit="MiB")
            for name, mebibytes in parts
        ),
    ]


def usage(node: Node, before: Packages) -> list[Figure]:
    """Measure the cloud of `node`, where there were the packages `before` it was installed."""
    added = packages(node) - before
    latencies = _latencies(node)
    rest = at_rest(node, memory=4, connections=60)
    most = _connections(node, "Max_used_connections")
    return [
        Figure(name="packages installed", value=added.count, unit=""),
        Figure(name="installed size", value=added.gibibytes, unit="GiB"),
        *rest,
        Figure(name=f"database connections with {_CLIENTS[-1]} clients", value=most, unit=""),
        *latencies,
    ]
