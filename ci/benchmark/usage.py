# SPDX-License-Identifier: Apache-2.0
"""What a cloud on one node takes of it: packages, memory, connections; how quickly it answers."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from cloudtest.acting import act, inside
from testbed.node import Node

#: What a cloud does by itself after it was made, such as a first periodic task, is over by then.
_REST_S = 60.0
#: Number and size (KiB) of the packages on the machine.
_PACKAGES = "dpkg-query -W -f '${Installed-Size}\\n' | awk '{n++; s+=$1} END {print n, s}'"
_CONNECTIONS = "SHOW GLOBAL STATUS LIKE 'Max_used_connections'"
_LATENCY_TIMEOUT_S = 1800.0

#: Operation to number of clients to median and 99th percentile, in milliseconds.
Latencies = Mapping[str, Mapping[str, tuple[float, float]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Packages:
    """How many packages there are, and the size that they say they have."""

    count: int
    gibibytes: float

    def __sub__(self, before: Packages) -> Packages:
        return Packages(
            count=self.count - before.count, gibibytes=self.gibibytes - before.gibibytes
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a cloud takes; `memory` is that of each unit at rest in MiB (PSS), largest first."""

    packages: Packages
    latencies: Latencies
    memory: Mapping[str, float]
    connections: int

    @property
    def memory_gib(self) -> float:
        """The memory of all processes at rest, in GiB."""
        return sum(self.memory.values()) / 1024


def packages(node: Node) -> Packages:
    """Return the packages on `node`."""
    count, kibibytes = node.run(["sh", "-c", _PACKAGES]).stdout.split()
    return Packages(count=int(count), gibibytes=int(kibibytes) / 1024 / 1024)


def latencies(node: Node, requests: int, clients: tuple[int, ...]) -> Latencies:
    """Return how long the APIs of `node` take to answer, `requests` times for each of `clients`."""
    found = inside(node, "latency", str(requests), *map(str, clients), timeout_s=_LATENCY_TIMEOUT_S)
    return {
        operation: {number: (median, percentile) for number, (median, percentile) in of.items()}
        for operation, of in found.items()
    }


def memory(node: Node) -> dict[str, float]:
    """Return the memory of each unit at rest, in MiB (PSS), largest first."""
    time.sleep(_REST_S)
    found: dict[str, float] = inside(node, "memory")
    return found


def connections(node: Node) -> int:
    """Return the most connections that MariaDB has had at a time."""
    return int(act(node, "mariadb", "-N", "-e", _CONNECTIONS).stdout.split()[1])
