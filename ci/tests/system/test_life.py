# SPDX-License-Identifier: Apache-2.0
"""The whole life of openstack-all-in-one on one machine: installed, used, purged, installed again.

The second installation is disturbed by all that can be: a wrong answer, servers that are down,
kills. The tests of this file run in order.
"""

from __future__ import annotations

from typing import Any

import pytest

from cloudtest import virtual
from cloudtest.acting import (
    INSIDE,
    act,
    apt,
    complaint,
    debstack,
    dpkg_configure,
    inside,
    openstack,
    preseed,
    status,
)
from cloudtest.killing import Moment, kill
from cloudtest.leftovers import from_pool, inventory, left, ours, want_all_deleted
from cloudtest.observing import assert_no_stumble, restarted
from cloudtest.stages import ALL_IN_ONE, STAGE_NODE, NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

_TIMEOUT_S = 1800.0
_SOON = {"DEBSTACK_WAIT": "3"}
_SERVERS = ("mariadb.service", "rabbitmq-server.service")
#: In the order in which they come, of the steps that Keystone and Glance do not have.
MOMENTS = (
    Moment("line", r"database:nova/nova_api: ", "0.1"),
    Moment("line", r"schema:neutron/neutron: "),
    Moment("line", r"rows:nova/nova_api: "),
    Moment("line", r"task:neutron-ovn-agent/ovn-tunnels: "),
    Moment("process", r"systemctl .*nova-conductor", "0.2"),
    Moment("line", r"unit:neutron-api: ", "0.2"),
    Moment("process", r"systemctl .*nova-compute", "0.5"),
)


@pytest.fixture(scope="module")
def node(make_module_node: NodeMaker) -> Node:
    """A machine with the servers and libraries of Debian that our packages need, none of ours."""
    return make_module_node(STAGE_NODE, stage="debian-servers", packages=[ALL_IN_ONE]).boot()


@pytest.fixture(scope="module")
def before(node: Node) -> dict[str, Any]:
    """What was on the machine before anything of ours was; ours is installed now, watched."""
    libraries = from_pool(node)
    if libraries:  # Debian's own, which ours are newer than
        apt(node, "install", *libraries)
    found = inventory(node)
    node.copy_in(INSIDE / "watch_arguments.py", "/root/watch.py")
    act(node, "systemd-run", "--unit=watch", "python3", "/root/watch.py", "/root/arguments")
    apt(node, "install", ALL_IN_ONE, timeout_s=_TIMEOUT_S)
    act(node, "systemctl", "stop", "watch")
    return found


def test_a_fresh_install_is_quiet(node: Node, before: dict[str, Any]) -> None:
    assert_no_stumble(node)
    assert restarted(node) == {}
    assert "nothing to do" in debstack(node, "apply").stdout


def test_no_secret_of_any_service_can_be_read_by_others(node: Node, before: dict[str, Any]) -> None:
    seen = node.read_file("/root/arguments")
    for tool in ("debstack apply --dpkg", "rabbitmqctl", "ovs-vsctl", "nova-compute"):
        assert tool in seen, f"{tool} was never seen: the watch is blind"
    found = inside(node, "find_secrets")
    assert found["found"] == []
    assert len(found["passwords"]) > 15


def test_purge_leaves_nothing_of_a_cloud_that_was_in_use(
    node: Node, before: dict[str, Any]
) -> None:
    debstack(node, "demo")
    virtual.make_server(node, "first")
    openstack(node, "volume", "create", "--size", "1", "data")
    openstack(node, "server", "add", "volume", "first", "data")
    want_all_deleted(node)
    apt(node, "purge", *ours(node, before), timeout_s=600)
    made_by_tests = "/root/arguments /root/watch.py"
    act(node, "sh", "-c", f"rm {made_by_tests} /root/.ssh/id_ed25519*; systemctl daemon-reload")
    after = inventory(node)
    # Debian's novnc makes that account too, and leaves it to whoever comes.
    for found in (before, after):
        for kind in ("users", "groups"):
            found[kind] = [line for line in found[kind] if not line.startswith("nova:")]
    assert left(before, after) == {}


def fails(node: Node, *arguments: str) -> tuple[str, str]:
    """Run apt-get, which has to fail by one error of debstack's; return that and its hint."""
    done = apt(node, *arguments, check=False, env=_SOON, timeout_s=_TIMEOUT_S)
    assert done.code == 100, done.stdout
    said = complaint(done.stdout)
    # The same may be said when questions are asked and when the package is configured.
    assert len(set(said.errors)) == 1, done.stdout
    assert len(set(said.hints)) == 1, done.stdout
    assert "Traceback" not in done.stdout
    return said.errors[0], said.hints[0]


@pytest.mark.long
def test_a_wrong_answer_is_refused_by_name(node: Node, before: dict[str, Any]) -> None:
    preseed(node, {"neutron/backend": "linuxbridge"}, {})
    error, _ = fails(node, "install", ALL_IN_ONE)
    assert error.startswith("neutron/backend: expected ")
    assert error.endswith('got "linuxbridge"')
    preseed(node, {"neutron/backend": "ovn"}, {})


@pytest.mark.long
def test_servers_that_are_down_are_told(node: Node, before: dict[str, Any]) -> None:
    act(node, "systemctl", "stop", *_SERVERS)
    done = apt(node, "install", "-f", check=False, env=_SOON, timeout_s=_TIMEOUT_S)
    assert done.code == 100, done.stdout
    errors = "\n".join(complaint(done.stdout).errors)
    assert "database:nova/nova_api" in errors
    assert "messaging:rabbitmq" in errors
    assert "Traceback" not in done.stdout
    act(node, "systemctl", "start", *_SERVERS)


@pytest.mark.long
def test_killed_again_and_again_it_ends_in_order(node: Node, before: dict[str, Any]) -> None:
    for moment in MOMENTS:
        kill(node, moment, "dpkg", "--configure", "-a")
    dpkg_configure(node)
    assert node.run(["dpkg", "--audit"]).stdout == ""
    assert status(node)["in-order"]
    debstack(node, "demo")
    assert "user data ran" in virtual.prove_login(node, virtual.make_server(node, "second"))
