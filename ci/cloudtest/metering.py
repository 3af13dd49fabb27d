# SPDX-License-Identifier: Apache-2.0
"""Metering that does not take minutes: what an administrator says who does not want to wait."""

from __future__ import annotations

from cloudtest.acting import act, openstack
from testbed.node import Node

#: Files of Aodh's and Gnocchi's by which they look more often; `quicken` writes them.
LOCAL = {
    "/etc/aodh/aodh.conf.d/90-local.conf": "[evaluator]\nevaluation_interval = 10\n",
    "/etc/gnocchi/gnocchi.conf.d/90-local.conf": "[metricd]\nmetric_processing_delay = 5\n",
}
#: What is installed for all of Ceilometer, Gnocchi and Aodh on one machine, and Ceilometer's own.
PACKAGES = ("openstack-telemetry", "ceilometer-agent-compute")
AGENTS = ("ceilometer-agent-central", "ceilometer-agent-compute", "ceilometer-agent-notification")
#: Ceilometer's archive policies, and what they keep of a metric.
_POLICIES = {"ceilometer-low": ("mean",), "ceilometer-low-rate": ("mean", "rate:mean")}


def quicken(node: Node) -> None:
    """Have Aodh and Gnocchi look more often, once they are installed or applied."""
    for path, text in LOCAL.items():
        act(node, "mkdir", "--parents", path.rpartition("/")[0])
        node.write_file(path, text, mode=0o644)


def keep_each(node: Node, seconds: int) -> None:
    """Have one value kept for so many seconds each: after Gnocchi, before Ceilometer comes."""
    for name, methods in _POLICIES.items():
        create = ["metric", "archive-policy", "create", "--back-window", "0", name]
        for method in methods:
            create += ["--aggregation-method", method]
        openstack(node, *create, "--definition", f"granularity:{seconds}s,timespan:1d")


def measure_each(node: Node, seconds: int) -> None:
    """Have Ceilometer, which is installed, measure once in so many seconds."""
    change = f"s/interval: 300/interval: {seconds}/"
    act(node, "sed", "--in-place", change, "/etc/ceilometer/polling.yaml")
    act(node, "systemctl", "restart", *AGENTS)
