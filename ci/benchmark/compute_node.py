# SPDX-License-Identifier: Apache-2.0
"""Measuring how long a machine takes to join a cloud as a compute node, the first and the next."""

from __future__ import annotations

import time
from pathlib import Path

from benchmark.all_in_one import apply_seconds
from benchmark.figure import Figure
from cloudtest import several
from cloudtest.acting import apt
from testbed.bed import Testbed
from testbed.node import Node

CONTROLLER = "openstack-controller"
COMPUTE = "openstack-compute"
_INSTALL_TIMEOUT_S = 1800.0
_NAMES = ("compute-1", "compute-2")


def _join(controller: Node, node: Node) -> tuple[float, float]:
    """Return the seconds from apt-get install to the hypervisor being up; debstack's of them."""
    several.hand_over(controller, node, "compute")
    began = time.monotonic()
    told = apt(node, "install", COMPUTE, timeout_s=_INSTALL_TIMEOUT_S).stdout
    several.await_hypervisors(controller, [node.name])
    return time.monotonic() - began, apply_seconds(told)


def measure_compute_nodes(repository: Path) -> list[Figure]:
    """Install a controller, and let bare machines join it one after the other."""
    with Testbed("bench-join") as bed:

        def bare(name: str, package: str) -> Node:
            node = bed.create(
                name, packages=[package], repository=repository, networks=several.NETWORKS
            )
            several.lay_tunnels(node)
            return node.boot()

        controller = bare("controller", CONTROLLER)
        apt(controller, "install", CONTROLLER, timeout_s=_INSTALL_TIMEOUT_S)
        took = [_join(controller, bare(name, COMPUTE)) for name in _NAMES]
    (first, debstack), (second, _) = took
    return [
        Figure(name="compute node: apt-get install to up", value=first, unit="s", target=90),
        Figure(name="  of it: debstack", value=debstack, unit="s", target=10),
        Figure(name="  the next node", value=second, unit="s"),
        Figure(name="  the next node, times the first", value=second / first, unit="", target=1.1),
    ]
