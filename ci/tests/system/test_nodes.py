# SPDX-License-Identifier: Apache-2.0
"""A cloud of several machines: each joins by one preseed file and apt-get, and knows no more."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudtest import several, virtual
from cloudtest.acting import (
    act,
    apt,
    complaint,
    debstack,
    dpkg_configure,
    inside,
    openstack,
    status,
)
from debstack.base.run import Result
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

_INSTALL_TIMEOUT_S = 1800.0
_COMPUTES = ("compute-1", "compute-2")
#: What only the controller may know.
_FOREIGN = re.compile(r"(admin|database)-password|(?<!nova/)service-password")


class Cloud:
    """A controller that leads to the world too, and two compute nodes."""

    def __init__(self, controller: Node, computes: dict[str, Node]) -> None:
        self.controller = controller
        self.computes = computes
        #: From debstack export to the end of apt-get, for what joined without trouble.
        self.took: dict[str, float] = {}
        #: What apt-get said where the controller could not be reached, and what came of it.
        self.unreached: Result
        self.left = ""


@pytest.fixture(scope="module")
def cloud(repository: Path) -> Iterator[Cloud]:
    """All nodes joined, with the networks of debstack demo."""
    with Testbed("nodes") as bed:

        def make(name: str) -> Node:
            node = several.make_machine(bed, name, repository, networks=several.NETWORKS)
            several.lay_tunnels(node)
            return node.boot()

        controller = make("controller")
        apt(
            controller,
            "install",
            "openstack-controller",
            "openstack-proxy",
            timeout_s=_INSTALL_TIMEOUT_S,
        )
        found = Cloud(controller, {name: make(name) for name in _COMPUTES})
        found.took["compute-1"] = several.join(controller, found.computes["compute-1"], ["compute"])
        _join_unreached(found, found.computes["compute-2"])
        several.await_hypervisors(controller, _COMPUTES)
        debstack(controller, "demo")
        yield found


def _join_unreached(cloud: Cloud, node: Node) -> None:
    """Install `node`, with RabbitMQ users of its own, while nobody reaches the controller."""
    several.hand_over(cloud.controller, node, "compute", own=True)
    with cloud.controller.cut_off():
        cloud.unreached = apt(
            node,
            "install",
            "openstack-compute",
            check=False,
            env={"DEBSTACK_WAIT": "3"},
            timeout_s=_INSTALL_TIMEOUT_S,
        )
        cloud.left = act(node, "dpkg", "--audit").stdout
    dpkg_configure(node)


def test_an_unreachable_controller_is_told_once_and_the_rest_is_done_later(cloud: Cloud) -> None:
    done = cloud.unreached
    assert done.code == 100, done.stdout
    said = complaint(done.stdout)
    assert len(said.errors) == 1, done.stdout
    address = cloud.controller.record.interfaces[0].address
    assert f"RabbitMQ cannot be reached: {address}:5671 (" in said.errors[0]
    assert len(said.hints) == 1, done.stdout
    assert said.hints[0].endswith("then: debstack apply")
    assert "Traceback" not in done.stdout
    assert re.findall(r"^ (\S+)", cloud.left, re.M) == ["debstack"], cloud.left
    node = cloud.computes["compute-2"]
    assert act(node, "dpkg", "--audit").stdout == ""
    assert several.machines(cloud.controller)["compute-2"]["state"] == "up"


def test_servers_on_two_nodes_reach_each_other_and_the_world(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    told = several.prove_nodes(cloud.controller, _COMPUTES)
    with capsys.disabled():
        for name, seconds in cloud.took.items():
            print(f"\n{name}: from debstack export to the end of apt-get: {seconds:.0f} s")
    assert told == "servers on compute-1 and compute-2 reach each other"


def test_metadata_and_user_data_come_to_another_machine(cloud: Cloud) -> None:
    address = virtual.make_server(cloud.controller, "first")
    assert "user data ran" in virtual.prove_login(cloud.controller, address)
    assert virtual.prove_metadata(cloud.controller, address).startswith("first, ")
    virtual.remove_server(cloud.controller, "first")


def test_a_compute_node_knows_no_secret_but_its_own(cloud: Cloud) -> None:
    held = cloud.controller.read_file("/etc/debstack/secrets.preseed")
    foreign = {
        line.split()[1]: line.split(maxsplit=3)[3]
        for line in held.splitlines()
        if line and not line.startswith("#") and _FOREIGN.search(line.split()[1])
    }
    assert {"openstack/admin-password", "nova/database-password"} <= set(foreign)
    for node in cloud.computes.values():
        # Nothing found is an error for grep, and so is what vanishes in /run meanwhile.
        places = "/etc /var/lib/debstack /var/cache/debconf /var/log /root /run"
        look = f"grep -rlF -f - {places} 2>/dev/null || true"
        found = act(node, "sh", "-c", look, input="\n".join(foreign.values()) + "\n").stdout
        assert found == ""
        assert act(node, "sh", "-c", "grep -rl mysql+pymysql /etc || true").stdout == ""


def test_all_nodes_are_in_order_and_a_second_apply_rests(cloud: Cloud) -> None:
    for node in (cloud.controller, *cloud.computes.values()):
        assert status(node)["in-order"], node.name
        assert "nothing to do" in debstack(node, "apply").stdout, node.name


def test_what_is_exported_is_for_root_alone_and_checked(cloud: Cloud) -> None:
    node = cloud.controller
    act(node, "sh", "-c", "umask 022; debstack export --role compute >/root/shell.preseed")
    debstack(node, "export", "--role", "compute", "--output", "/root/file.preseed")
    modes = act(node, "stat", "-c", "%a", "/root/shell.preseed", "/root/file.preseed").stdout
    assert modes.split() == ["600", "600"]
    assert act(node, "cmp", "/root/shell.preseed", "/root/file.preseed").code == 0
    assert debstack(node, "preseed", "check", "/root/file.preseed").code == 0
    for name in ("../compute-9", "compute 9", "-x", "a/b", "", "10.0.0.9", "x\x1b[2J"):
        refused = debstack(node, "export", "--role", "compute", f"--node={name}", check=False)
        assert refused.code == 3, name
        assert "--node: expected the name of a machine" in refused.stdout
        assert "\x1b" not in refused.stdout
    refused = debstack(node, "export", "--role", "computer", check=False)
    assert refused.code == 3
    assert 'found "computer" (did you mean "compute"?)' in refused.stdout
    elsewhere = next(iter(cloud.computes.values()))
    refused = debstack(elsewhere, "export", "--role", "compute", check=False)
    assert refused.code == 3


def exported(controller: Node, *arguments: str) -> dict[str, str]:
    """Return the answers that `debstack export` hands to a compute node, by question."""
    text = several.exported(controller, "compute", *arguments)
    lines = [line.split(maxsplit=3) for line in text.splitlines() if not line.startswith("#")]
    return {line[1]: line[3] for line in lines}


def broker_users(controller: Node) -> set[str]:
    """Return the names of the users that RabbitMQ has."""
    listed = act(controller, "rabbitmqctl", "--quiet", "list_users", "--no-table-headers").stdout
    return {line.split("\t")[0] for line in listed.splitlines()}


def test_a_node_can_have_rabbitmq_users_of_its_own(cloud: Cloud) -> None:
    node = cloud.controller
    shared, own = exported(node), exported(node, "--node", "compute-2")
    assert "openstack/messaging-node" not in shared
    assert own["openstack/messaging-node"] == "compute-2"
    differing = {name for name in shared if shared[name] != own[name]}
    assert differing == {"nova/messaging-password", "neutron/messaging-password"}
    assert exported(node, "--node", "compute-2") == own
    owned = {"nova@compute-2", "neutron@compute-2"}
    assert owned <= broker_users(node)
    for name in owned:
        listed = ("list_user_permissions", "--no-table-headers", name)
        rights = act(node, "rabbitmqctl", "--quiet", *listed).stdout.splitlines()
        assert [line.split("\t")[0] for line in rights] == [name.partition("@")[0]]
    connected = act(node, "rabbitmqctl", "--quiet", "list_connections", "user").stdout.split()
    # Neutron's agent for OVN has an account, and speaks to OVN alone.
    assert {"nova@compute-2", "nova"} <= set(connected)
    place = "/etc/debstack/nodes/compute-2.preseed"
    assert act(node, "stat", "-c", "%a", place, place.rpartition("/")[0]).stdout.split() == [
        "600",
        "700",
    ]
    shared_ones = [shared[name] for name in differing]
    for place in ("/etc", "/var/lib/debstack", "/var/cache/debconf"):
        look = f"grep -rlF -f - {place} || test $? = 1"
        found = act(cloud.computes["compute-2"], "sh", "-c", look, input="\n".join(shared_ones))
        assert found.stdout == ""


def test_users_that_are_lost_are_made_again_and_passwords_are_changed(cloud: Cloud) -> None:
    node, other = cloud.controller, cloud.computes["compute-2"]
    act(node, "rabbitmqctl", "delete_user", "neutron@compute-2")
    assert "set up RabbitMQ user neutron@compute-2" in debstack(node, "plan").stdout
    debstack(node, "apply")
    assert "neutron@compute-2" in broker_users(node)
    old = exported(node, "--node", "compute-2")
    new = exported(node, "--node", "compute-2", "--new-passwords")
    assert old["nova/messaging-password"] != new["nova/messaging-password"]
    refused = debstack(other, "apply", "--wait", "1", check=False)
    assert refused.code == 3
    assert "nova@compute-2: no such user, or another password" in refused.stdout
    assert "debstack export --role ROLE --node compute-2 > FILE" in refused.stdout
    several.hand_over(node, other, "compute", own=True)
    debstack(other, "apply")
    assert status(other)["in-order"]
    several.await_hypervisors(node, _COMPUTES)
    # One that never came.
    assert exported(node, "--node", "compute-9")["openstack/messaging-node"] == "compute-9"
    assert "nova@compute-9" in broker_users(node)
    assert "would delete RabbitMQ user nova@compute-9" in (
        debstack(node, "forget", "compute-9", "--dry-run").stdout
    )
    debstack(node, "forget", "compute-9")
    assert not {user for user in broker_users(node) if user.endswith("@compute-9")}
    refused = debstack(node, "forget", "compute-9", check=False)
    assert 'no machine of this cloud is called "compute-9"' in refused.stdout


def test_a_node_that_is_started_again_is_back_by_itself(cloud: Cloud) -> None:
    node = cloud.computes["compute-2"]
    node.reboot()
    several.await_hypervisors(cloud.controller, _COMPUTES)
    assert inside(cloud.controller, "not_up") == []
    assert act(node, "systemctl", "--failed", "--no-legend").stdout == ""


def test_the_controller_lists_every_machine(cloud: Cloud) -> None:
    found = several.machines(cloud.controller)
    assert {name: machine["state"] for name, machine in found.items()} == dict.fromkeys(
        ("controller", *_COMPUTES), "up"
    )
    assert found["controller"]["roles"] == ["controller", "proxy"]
    assert found["compute-1"]["roles"] == ["compute"]
    assert found["compute-1"]["hypervisor"]
    shown = debstack(cloud.controller, "nodes").stdout
    assert "compute-2: up; compute; " in shown


def test_a_drained_node_is_empty_and_its_server_ran_on(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    node = cloud.controller
    made = virtual.order(
        node, {"act": "create", "server": "moved", "floating": True, "host": "compute-2"}
    )
    address = made["moved"]["outer"]
    virtual.prove_login(node, address)
    boot = virtual.ssh(node, address, "cat /proc/sys/kernel/random/boot_id")
    planned = debstack(node, "drain", "compute-2", "--dry-run").stdout
    assert "would move moved (" in planned
    assert not several.machines(node)["compute-2"]["drained"]
    ping = ["ping", "-D", "-i", "0.2", address]
    act(node, "systemd-run", "--unit=pings", "-pStandardOutput=file:/root/pings", *ping)
    told = act(node, "debstack", "drain", "compute-2", timeout_s=600).stdout
    act(node, "systemctl", "kill", "--signal=INT", "pings")
    with capsys.disabled():
        print(f"\nlive migration: {virtual.ping_loss(node.read_file('/root/pings'))}")
    assert "compute-2 has no servers any more" in told
    assert virtual.ssh(node, address, "cat /proc/sys/kernel/random/boot_id") == boot
    assert several.machines(node)["compute-2"]["drained"]
    assert "has no servers" in debstack(node, "drain", "compute-2").stdout
    assert (
        "let compute-2 take servers again" in debstack(node, "drain", "compute-2", "--undo").stdout
    )
    assert "nothing to do" in debstack(node, "drain", "compute-2", "--undo").stdout
    service = ("compute", "service", "set", "compute-2", "nova-compute")
    openstack(node, *service, "--disable", "--disable-reason", "broken disk")
    refused = debstack(node, "drain", "compute-2", "--undo", check=False)
    assert refused.code == 3
    assert 'disabled by somebody else, for the reason "broken disk"' in refused.stdout
    assert several.machines(node)["compute-2"]["drained"]
    openstack(node, *service, "--enable")
    virtual.remove_server(node, "moved")
    refused = debstack(node, "drain", "compute-3", check=False)
    assert refused.code == 3
    assert 'no machine of this cloud is called "compute-3"' in refused.stdout


def test_a_machine_that_is_gone_is_forgotten(cloud: Cloud) -> None:
    node = cloud.controller
    refused = debstack(node, "forget", "compute-2", check=False)
    assert refused.code == 3
    assert "compute-2: not gone: " in refused.stdout
    cloud.computes["compute-2"].shutdown()
    wait_until(
        lambda: (
            not any(service["up"] for service in several.machines(node)["compute-2"]["services"])
        ),
        timeout_s=180,
        interval_s=3,
        what="the cloud to miss compute-2",
    )
    planned = debstack(node, "forget", "compute-2", "--dry-run").stdout
    assert "would remove nova-compute of compute-2" in planned
    assert "remove nova-compute of compute-2 (" in debstack(node, "forget", "compute-2").stdout
    assert not {user for user in broker_users(node) if user.endswith("@compute-2")}
    assert act(node, "find", "/etc/debstack/nodes", "-type", "f").stdout == ""
    assert "nothing to do" in debstack(node, "apply").stdout
    assert set(several.machines(node)) == {"controller", "compute-1"}
    assert set(several.hypervisors(node)) == {"compute-1"}
    providers = "SELECT name FROM placement.resource_providers"
    assert act(node, "mariadb", "-N", "-e", providers).stdout.split() == ["compute-1"]
    assert several.mapped(node) == ["compute-1"]
    assert inside(node, "not_up") == []
