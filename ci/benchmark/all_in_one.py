# SPDX-License-Identifier: Apache-2.0
"""Measuring the all-in-one: from a bare Debian to a virtual machine, and what it costs at rest."""

from __future__ import annotations

import re
import statistics
import time
from pathlib import Path

from benchmark.figure import Figure
from benchmark.ours import measured_apply
from cloudtest import virtual
from cloudtest.acting import act, apt, debstack, inside
from cloudtest.stages import ALL_IN_ONE, STAGE_NODE
from debstack.base.errors import DebstackError
from testbed.bed import Testbed
from testbed.node import Node

_INSTALL_TIMEOUT_S = 1800.0
_CLIENTS = (1, 8, 32)
_REQUESTS = 320
#: What a cloud does by itself after it was made, such as a first periodic task, is over by then.
_REST_S = 60.0
_APPLIED = re.compile(r"^debstack: done: .* \((?P<seconds>[0-9.]+) s\)$", re.M)
#: Number and size (KiB) of the packages on the machine.
_PACKAGES = "dpkg-query -W -f '${Installed-Size}\\n' | awk '{n++; s+=$1} END {print n, s}'"
_CONNECTIONS = "SHOW GLOBAL STATUS LIKE 'Max_used_connections'"


def _packages(node: Node) -> tuple[int, float]:
    count, kibibytes = node.run(["sh", "-c", _PACKAGES]).stdout.split()
    return int(count), int(kibibytes) / 1024 / 1024


def apply_seconds(output: str) -> float:
    """Return how long the applies in the output of an installation took together."""
    found = [float(match["seconds"]) for match in _APPLIED.finditer(output)]
    if not found:
        raise DebstackError("bench: the installation did not say how long apply took")
    return sum(found)


def _latencies(node: Node) -> list[Figure]:
    found = inside(node, "latency", str(_REQUESTS), *map(str, _CLIENTS), timeout_s=900)
    return [
        Figure(name=f"{operation}, {clients} clients, {what}", value=value, unit="ms")
        for operation, by_clients in found.items()
        for clients, values in by_clients.items()
        for what, value in zip(("median", "99th percentile"), values, strict=True)
    ]


def measure_all_in_one(repository: Path) -> list[Figure]:
    """Install openstack-all-in-one on a bare node, start a virtual machine, and look around."""
    with Testbed("bench-aio") as bed:
        node = bed.create(STAGE_NODE, packages=[ALL_IN_ONE], repository=repository).boot()
        before = _packages(node)
        began = time.monotonic()
        output = apt(node, "install", ALL_IN_ONE, timeout_s=_INSTALL_TIMEOUT_S).stdout
        installed = time.monotonic()
        after = _packages(node)
        debstack(node, "demo")
        virtual.make_server(node, "first")
        active = time.monotonic()
        applied = apply_seconds(output)
        nothing = statistics.median(measured_apply(node)[0] for _ in range(3))
        virtual.remove_server(node, "first")
        latencies = _latencies(node)
        time.sleep(_REST_S)
        memory = inside(node, "memory")
        connections = act(node, "mariadb", "-N", "-e", _CONNECTIONS).stdout.split()[1]
    return [
        Figure(name="bare Debian to ACTIVE", value=active - began, unit="s", target=250),
        Figure(name="  of it: apt-get install", value=installed - began, unit="s"),
        Figure(name="  of that: apply", value=applied, unit="s", target=45),
        Figure(name="apply of all, nothing to do", value=nothing, unit="s", target=3),
        Figure(name="packages installed", value=after[0] - before[0], unit="", target=783),
        Figure(name="installed size", value=after[1] - before[1], unit="GiB", target=1.91),
        Figure(name="memory at rest", value=sum(memory.values()) / 1024, unit="GiB", target=4),
        Figure(name="database connections", value=float(connections), unit="", target=60),
        *(
            Figure(name=f"  memory: {unit}", value=mebibytes, unit="MiB")
            for unit, mebibytes in list(memory.items())[:12]
        ),
        *latencies,
    ]
