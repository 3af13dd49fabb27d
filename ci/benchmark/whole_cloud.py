# SPDX-License-Identifier: Apache-2.0
"""Measuring the all-in-one with every service there is: what the others add to it."""

from __future__ import annotations

import statistics
import time
from pathlib import Path

from benchmark.all_in_one import apply_seconds
from benchmark.figure import Figure
from benchmark.ours import measured_apply
from benchmark.usage import at_rest
from cloudtest import virtual
from cloudtest.acting import apt
from cloudtest.stages import ALL_IN_ONE, STAGE_NODE
from testbed.bed import Testbed
from testbed.node import Node

#: What can be added to an all-in-one: stacks, objects, metering and alarms, and all clients.
ADDED = (
    *("heat-api", "heat-api-cfn", "heat-engine"),
    *("swift-proxy", "openstack-object-storage"),
    *("openstack-telemetry", "ceilometer-agent-compute"),
    "openstack-clients",
)
_INSTALL_TIMEOUT_S = 1800.0
#: Most that all of it should hold (6 GB), in GiB.
_MEMORY = 6e9 / 2**30
_APPLIES = 3


def _install(node: Node, *packages: str) -> tuple[float, float]:
    """Install `packages`; return how long apply took, and after that all until it was up.

    Daemons that do not tell when they are ready go on with their start when apply has ended.
    """
    output = apt(node, "install", *packages, timeout_s=_INSTALL_TIMEOUT_S).stdout
    began = time.monotonic()
    virtual.await_cloud(node)
    return apply_seconds(output), time.monotonic() - began


def measure_whole_cloud(repository: Path) -> list[Figure]:
    """Install an all-in-one and add the rest to it; install all of that at once elsewhere."""
    with Testbed("bench-whole") as bed:

        def bare() -> Node:
            wanted = [ALL_IN_ONE, *ADDED]
            return bed.create(STAGE_NODE, packages=wanted, repository=repository).boot()

        node = bare()
        alone, alone_up = _install(node, ALL_IN_ONE)
        later, _ = _install(node, *ADDED)
        bed.destroy(node.name)
        node = bare()
        together, together_up = _install(node, ALL_IN_ONE, *ADDED)
        nothing = statistics.median(measured_apply(node)[0] for _ in range(_APPLIES))
        rest = at_rest(node, memory=_MEMORY)
    return [
        Figure(name="apply of the all-in-one alone", value=alone, unit="s"),
        Figure(name="  then until it is up", value=alone_up, unit="s"),
        Figure(name="apply of all at once", value=together, unit="s"),
        Figure(name="  then until all of it is up", value=together_up, unit="s"),
        Figure(name="  more than alone", value=together - alone, unit="s", target=15),
        Figure(name="apply of the rest, added later", value=later, unit="s"),
        Figure(name="apply of all, nothing to do", value=nothing, unit="s"),
        *rest,
    ]
