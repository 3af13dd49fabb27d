# SPDX-License-Identifier: Apache-2.0
"""Groups of servers, as Heat's examples have them, grow with a metric in Gnocchi and shrink again.

Aodh watches the metric: first one that is told to Gnocchi, without Ceilometer; then the processor
time that Ceilometer measures, when it is there too. One machine lives through it, in this order.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cloudtest import groundwork, metering, virtual
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
EXAMPLES = "/usr/share/doc/heat-common/examples"
#: What the servers of every group are made from.
MADE_FROM = {"image": "demo", "flavor": "demo", "network": "demo"}
#: Seconds between two measurements of the processor time.
STEP_S = 20
#: A server works while its property `work` is `yes`: it looks at its metadata. It goes on as before
#: where the cloud has no time to answer: that would be taken for a server with nothing to do.
WORKER = """\
#!/bin/sh
url=http://169.254.169.254/openstack/latest/meta_data.json
while :; do
	if told=$(wget -q -T 5 -O - $url); then work=$told; fi
	if echo "$work" | grep -q '"work": "yes"'; then
		timeout 10 sh -c 'while :; do :; done'
	else
		sleep 5
	fi
done >/dev/null 2>&1 &
"""


@pytest.fixture(scope="module")
def cloud(make_module_node: NodeMaker, repository: Path) -> Node:
    """An all-in-one with Gnocchi, Aodh and Heat."""
    packages = [*PACKAGES, *metering.PACKAGES]
    needed = {name for package in packages for name in groundwork.needed(repository, package)}
    node = make_module_node(stage="all-in-one", packages=[ALL_IN_ONE, *packages]).boot()
    virtual.await_cloud(node)
    metering.quicken(node)
    apt(node, "install", *sorted(needed), *PACKAGES)
    return node


@pytest.fixture(scope="module")
def metric(cloud: Node) -> str:
    """The ID of what is measured of the work that there is."""
    create = ["metric", "create", "--archive-policy-name", "high", "queue-length"]
    made: str = openstack_json(cloud, *create)["id"]
    return made


@pytest.fixture(scope="module")
def metered(cloud: Node) -> Node:
    """The same machine, to which Ceilometer has come."""
    metering.keep_each(cloud, STEP_S)
    apt(cloud, "install", *metering.PACKAGES)
    metering.measure_each(cloud, STEP_S)
    return cloud


def create(node: Node, template: str, name: str, *options: str, **parameters: str) -> None:
    """Make a group from one of Heat's examples."""
    given = [f"--parameter={key}={value}" for key, value in {**MADE_FROM, **parameters}.items()]
    command = ["stack", "create", "--wait", "--template", f"{EXAMPLES}/{template}.yaml"]
    openstack(node, *command, *options, *given, name, timeout_s=600)


def delete(node: Node, name: str) -> None:
    """Delete a group, and see that nothing is left of it.

    Nobody looks at its alarms meanwhile: of one that goes off just when its group is being deleted,
    and says so every ten seconds, Heat logs that the group is not there, with a traceback.
    """
    act(node, "systemctl", "stop", "aodh-evaluator")
    openstack(node, "stack", "delete", "--yes", "--wait", name, timeout_s=600)
    act(node, "systemctl", "start", "aodh-evaluator")
    assert openstack_json(node, "alarm", "list") == []
    assert openstack_json(node, "server", "list") == []


def size(node: Node, name: str = "workers") -> int:
    """Return how many servers the group has, as the stack says."""
    show = ["stack", "output", "show", name, "size"]
    return int(openstack_json(node, *show)["output_value"])


def await_size(node: Node, metric: str, *, measured: int, wanted: int) -> None:
    """Measure, again and again, until the group has so many servers."""

    def reached() -> bool:
        now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
        openstack(node, "metric", "measures", "add", "--measure", f"{now}@{measured}", metric)
        return size(node) == wanted

    wait_until(reached, timeout_s=300, interval_s=5, what=f"a group of {wanted}")


def state(node: Node, alarm: str) -> str:
    """Return what Aodh says of an alarm, by its name in the template."""
    (found,) = [row for row in openstack_json(node, "alarm", "list") if alarm in row["name"]]
    told: str = found["state"]
    return told


def await_servers(node: Node, wanted: int, timeout_s: float = 60) -> list[str]:
    """Wait until there are so many servers, all of them active; return their IDs."""

    def states() -> list[str]:
        return [row["Status"] for row in openstack_json(node, "server", "list")]

    wait_until(
        lambda: states() == ["ACTIVE"] * wanted,
        timeout_s=timeout_s,
        interval_s=2,
        what=f"{wanted} servers",
    )
    return [row["ID"] for row in openstack_json(node, "server", "list")]


def test_all_is_in_order_without_ceilometer(cloud: Node) -> None:
    assert unsettled(cloud) == {}


def test_the_group_begins_with_one_server(cloud: Node, metric: str) -> None:
    create(cloud, "scaling", "workers", metric=metric, pause="5")
    assert size(cloud) == 1


def test_it_grows_while_there_is_much_to_do_and_not_beyond_its_bounds(
    cloud: Node, metric: str
) -> None:
    await_size(cloud, metric, measured=95, wanted=3)
    assert len(openstack_json(cloud, "server", "list")) == 3


def test_it_shrinks_when_there_is_little_to_do(cloud: Node, metric: str) -> None:
    await_size(cloud, metric, measured=1, wanted=1)
    await_servers(cloud, 1)


def test_the_stack_goes_with_its_alarms(cloud: Node) -> None:
    delete(cloud, "workers")
    assert_no_stumble(cloud)


def test_ceilometer_comes_to_what_is_there(metered: Node) -> None:
    virtual.await_cloud(metered)
    assert unsettled(metered) == {}
    assert_no_stumble(metered)


def test_a_group_grows_while_its_servers_are_busy_and_shrinks_when_they_are_not(
    metered: Node,
) -> None:
    metered.write_file("/root/worker", WORKER)
    # A server with nothing to do took 1 to 4 percent. One that works gets 28 to 53 percent of a
    # processor that others want as well, and the group takes half of that once it has an idle one.
    told = {"interval": str(STEP_S), "pause": str(STEP_S), "busy": "20", "idle": "6", "most": "2"}
    create(metered, "scaling-by-load", "busy", "--parameter-file=user_data=/root/worker", **told)
    # Its start was work as well, and may have made a second one: that one goes again.
    wait_until(
        lambda: state(metered, "too_idle") == "alarm" and size(metered, "busy") == 1,
        timeout_s=400,
        interval_s=5,
        what="a group of one that has been seen to have nothing to do",
    )
    (server,) = await_servers(metered, 1)
    openstack(metered, "server", "set", "--property", "work=yes", server)
    await_servers(metered, 2, timeout_s=400)
    assert size(metered, "busy") == 2
    openstack(metered, "server", "unset", "--property", "work", server)
    await_servers(metered, 1, timeout_s=400)
    delete(metered, "busy")


def test_the_signed_urls_of_the_groups_are_in_no_log(metered: Node) -> None:
    told = act(metered, "journalctl", "--unit", "aodh-notifier.service").stdout
    assert "Notifying alarm" in told
    assert "Signature=" not in told
    assert_no_stumble(metered)
