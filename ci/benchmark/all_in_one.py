# SPDX-License-Identifier: Apache-2.0
"""Measuring the all-in-one: from a bare Debian to a virtual machine, and what it costs at rest."""

from __future__ import annotations

import re
import statistics
import time
from pathlib import Path

from benchmark.figure import Figure
from benchmark.ours import measured_apply
from benchmark.usage import ANSWERS, INSTALL, TO_ACTIVE, packages, required, usage
from cloudtest import virtual
from cloudtest.acting import apt, debstack
from cloudtest.stages import ALL_IN_ONE, STAGE_NODE
from debstack.base.errors import DebstackError
from testbed.bed import Testbed

_INSTALL_TIMEOUT_S = 1800.0
_APPLIED = re.compile(r"^debstack: done: .* \((?P<seconds>[0-9.]+) s\)$", re.M)


def apply_seconds(output: str) -> float:
    """Return how long the applies in the output of an installation took together."""
    found = [float(match["seconds"]) for match in _APPLIED.finditer(output)]
    if not found:
        raise DebstackError("bench: the installation did not say how long apply took")
    return sum(found)


def measure_all_in_one(repository: Path) -> list[Figure]:
    """Install openstack-all-in-one on a bare node, start a virtual machine, and look around."""
    with Testbed("bench-aio") as bed:
        node = bed.create(STAGE_NODE, packages=[ALL_IN_ONE], repository=repository).boot()
        before = packages(node)
        least = required(node, ALL_IN_ONE)
        began = time.monotonic()
        output = apt(node, "install", ALL_IN_ONE, timeout_s=_INSTALL_TIMEOUT_S).stdout
        installed = time.monotonic()
        debstack(node, "demo")
        virtual.make_server(node, "first")
        active = time.monotonic()
        nothing = statistics.median(measured_apply(node)[0] for _ in range(3))
        virtual.remove_server(node, "first")
        used = usage(node, before)
    return [
        Figure(name=TO_ACTIVE, value=active - began, unit="s", target=250),
        Figure(name=INSTALL, value=installed - began, unit="s"),
        Figure(name="  of that: apply", value=apply_seconds(output), unit="s", target=45),
        Figure(name="apply of all, nothing to do", value=nothing, unit="s", target=3),
        Figure(name=ANSWERS, value=0, unit=""),
        *least,
        *used,
    ]
