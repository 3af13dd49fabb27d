# SPDX-License-Identifier: Apache-2.0
"""A cloud of several machines: each joins by one preseed file and apt-get, and knows no more."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudtest import groundwork, several, virtual
from cloudtest.acting import act, apt, debstack, inside, openstack, status
from cloudtest.stages import ALL_IN_ONE
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

_INSTALL_TIMEOUT_S = 1800.0
_COMPUTES = ("compute-1", "compute-2")
_OF_ONE_MACHINE = ("/etc/openvswitch/system-id.conf", "/etc/openvswitch/conf.db")
#: What only the controller may know.
_FOREIGN = re.compile(r"(admin|database)-password|(?<!nova/)service-password")


class Cloud:
    """A controller that leads to the world too, and two compute nodes."""

    def __init__(self, controller: Node, computes: dict[str, Node], took: dict[str, float]) -> None:
        self.controller = controller
        self.computes = computes
        self.took = took


@pytest.fixture(scope="module")
def cloud(repository: Path) -> Iterator[Cloud]:
    """All nodes joined, with the networks of debstack demo."""
    ground = groundwork.ensure_groundwork("debian", repository, ALL_IN_ONE)
    with Testbed("nodes") as bed:

        def make(name: str) -> Node:
            node = bed.create(
                name, from_stage=ground, repository=repository, networks=several.NETWORKS
            )
            # Where Open vSwitch ran before, it has a name that no other machine may have.
            node.enter_chroot(["rm", "-f", *_OF_ONE_MACHINE])
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
        computes = {name: make(name) for name in _COMPUTES}
        took = {
            name: several.join(controller, node, ["compute"]) for name, node in computes.items()
        }
        several.await_hypervisors(controller, _COMPUTES)
        debstack(controller, "demo")
        yield Cloud(controller, computes, took)


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
    refused = debstack(node, "export", "--role", "computer", check=False)
    assert refused.code == 3
    assert 'found "computer" (did you mean "compute"?)' in refused.stdout
    elsewhere = next(iter(cloud.computes.values()))
    refused = debstack(elsewhere, "export", "--role", "compute", check=False)
    assert refused.code == 3


def test_a_node_that_is_started_again_is_back_by_itself(cloud: Cloud) -> None:
    node = cloud.computes["compute-2"]
    node.reboot()
    several.await_hypervisors(cloud.controller, _COMPUTES)
    assert inside(cloud.controller, "not_up") == []
    assert act(node, "systemctl", "--failed", "--no-legend").stdout == ""


def machines(controller: Node) -> dict[str, dict[str, Any]]:
    """Return what `debstack nodes` knows of each machine, by name."""
    told = json.loads(controller.run(["debstack", "nodes", "--json"]).stdout)
    return {machine["name"]: machine for machine in told}


def test_the_controller_lists_every_machine(cloud: Cloud) -> None:
    found = machines(cloud.controller)
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
    assert not machines(node)["compute-2"]["drained"]
    ping = ["ping", "-D", "-i", "0.2", address]
    act(node, "systemd-run", "--unit=pings", "-pStandardOutput=file:/root/pings", *ping)
    told = act(node, "debstack", "drain", "compute-2", timeout_s=600).stdout
    act(node, "systemctl", "kill", "--signal=INT", "pings")
    with capsys.disabled():
        print(f"\nlive migration: {virtual.ping_loss(node.read_file('/root/pings'))}")
    assert "compute-2 has no servers any more" in told
    assert virtual.ssh(node, address, "cat /proc/sys/kernel/random/boot_id") == boot
    assert machines(node)["compute-2"]["drained"]
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
    assert machines(node)["compute-2"]["drained"]
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
        lambda: not any(service["up"] for service in machines(node)["compute-2"]["services"]),
        timeout_s=180,
        interval_s=3,
        what="the cloud to miss compute-2",
    )
    planned = debstack(node, "forget", "compute-2", "--dry-run").stdout
    assert "would remove nova-compute of compute-2" in planned
    assert "remove nova-compute of compute-2 (" in debstack(node, "forget", "compute-2").stdout
    assert set(machines(node)) == {"controller", "compute-1"}
    assert set(several.hypervisors(node)) == {"compute-1"}
    providers = "SELECT name FROM placement.resource_providers"
    assert act(node, "mariadb", "-N", "-e", providers).stdout.split() == ["compute-1"]
    mapped = "SELECT host FROM nova_api.host_mappings"
    assert act(node, "mariadb", "-N", "-e", mapped).stdout.split() == ["compute-1"]
    assert inside(node, "not_up") == []
