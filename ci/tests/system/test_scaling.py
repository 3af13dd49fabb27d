# SPDX-License-Identifier: Apache-2.0
"""A group of servers, as Heat's example has it, grows with a metric in Gnocchi and shrinks again.

Aodh watches the metric. Ceilometer has no part in it.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cloudtest import groundwork, virtual
from cloudtest.acting import act, apt, openstack, openstack_json
from cloudtest.observing import assert_no_stumble, unsettled
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from testbed.machine import wait_until
from testbed.node import Node

# Long: minutes more than there are in make test.
pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

PACKAGES = (
    "aodh-api",
    "aodh-evaluator",
    "aodh-notifier",
    "gnocchi-api",
    "gnocchi-metricd",
    "heat-api",
    "heat-api-cfn",
    "heat-engine",
    "python3-aodhclient",
    "python3-gnocchiclient",
)
TEMPLATE = "/usr/share/doc/heat-common/examples/scaling.yaml"
#: What an administrator says who does not want to wait.
_LOCAL = {
    "/etc/aodh/aodh.conf.d/90-local.conf": "[evaluator]\nevaluation_interval = 10\n",
    "/etc/gnocchi/gnocchi.conf.d/90-local.conf": "[metricd]\nmetric_processing_delay = 5\n",
}


@pytest.fixture(scope="module")
def cloud(make_module_node: NodeMaker, repository: Path) -> Node:
    """An all-in-one with Gnocchi, Aodh and Heat."""
    needed = {name for package in PACKAGES for name in groundwork.needed(repository, package)}
    node = make_module_node(stage="all-in-one", packages=[ALL_IN_ONE, *PACKAGES]).boot()
    virtual.await_cloud(node)
    for path, text in _LOCAL.items():
        act(node, "mkdir", "--parents", path.rpartition("/")[0])
        node.write_file(path, text, mode=0o644)
    apt(node, "install", *sorted(needed), *PACKAGES)
    return node


@pytest.fixture(scope="module")
def metric(cloud: Node) -> str:
    """The ID of what is measured of the work that there is."""
    create = ["metric", "create", "--archive-policy-name", "high", "queue-length"]
    made: str = openstack_json(cloud, *create)["id"]
    return made


def size(node: Node) -> int:
    """Return how many servers the group has, as the stack says."""
    show = ["stack", "output", "show", "workers", "size"]
    return int(openstack_json(node, *show)["output_value"])


def await_size(node: Node, metric: str, *, measured: int, wanted: int) -> None:
    """Measure, again and again, until the group has so many servers."""

    def reached() -> bool:
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        openstack(node, "metric", "measures", "add", "--measure", f"{now}@{measured}", metric)
        return size(node) == wanted

    wait_until(reached, timeout_s=300, interval_s=5, what=f"a group of {wanted}")


def test_all_is_in_order_without_ceilometer(cloud: Node) -> None:
    assert unsettled(cloud) == {}


def test_the_group_begins_with_one_server(cloud: Node, metric: str) -> None:
    given = {"image": "demo", "flavor": "demo", "network": "demo", "metric": metric, "pause": "5"}
    parameters = [f"--parameter={name}={value}" for name, value in given.items()]
    create = ["stack", "create", "--wait", "--template", TEMPLATE, *parameters, "workers"]
    openstack(cloud, *create, timeout_s=600)
    assert size(cloud) == 1


def test_it_grows_while_there_is_much_to_do_and_not_beyond_its_bounds(
    cloud: Node, metric: str
) -> None:
    await_size(cloud, metric, measured=95, wanted=3)
    assert len(openstack_json(cloud, "server", "list")) == 3


def test_it_shrinks_when_there_is_little_to_do(cloud: Node, metric: str) -> None:
    await_size(cloud, metric, measured=1, wanted=1)
    wait_until(
        lambda: len(openstack_json(cloud, "server", "list")) == 1,
        timeout_s=60,
        interval_s=2,
        what="the servers to be gone",
    )


def test_the_signed_urls_of_the_group_are_in_no_log(cloud: Node) -> None:
    told = act(cloud, "journalctl", "--unit", "aodh-notifier.service").stdout
    assert "Notifying alarm" in told
    assert "Signature=" not in told


def test_the_stack_goes_with_its_alarms(cloud: Node) -> None:
    openstack(cloud, "stack", "delete", "--yes", "--wait", "workers", timeout_s=600)
    assert openstack_json(cloud, "alarm", "list") == []
    assert openstack_json(cloud, "server", "list") == []
    assert_no_stumble(cloud)
