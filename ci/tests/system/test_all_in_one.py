# SPDX-License-Identifier: Apache-2.0
"""openstack-all-in-one: from apt alone to a virtual machine that one logs in to, and back."""

from __future__ import annotations

import re

import pytest

from cloudtest import virtual
from cloudtest.acting import (
    act,
    apt,
    complaint,
    debstack,
    inside,
    openstack,
    openstack_json,
    preseed,
)
from cloudtest.observing import assert_no_failed_unit, restarted
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from debstack.runtime.answers import SECRETS_FILE
from testbed.machine import wait_until
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

_INSTALL_TIMEOUT_S = 1800.0


@pytest.fixture(scope="module")
def cloud(make_module_node: NodeMaker) -> Node:
    """An all-in-one with the networks of debstack demo, switched off and on since."""
    node = make_module_node(stage="all-in-one", packages=[ALL_IN_ONE]).boot()
    virtual.await_cloud(node)
    return node


@pytest.fixture(scope="module")
def address(cloud: Node) -> str:
    """The floating IP of a virtual machine called first."""
    return virtual.make_server(cloud, "first")


def test_after_a_reboot_all_is_back_and_nothing_failed(cloud: Node) -> None:
    assert_no_failed_unit(cloud)
    assert restarted(cloud) == {}


def test_what_upstream_checks_before_an_upgrade_is_in_order(cloud: Node) -> None:
    script = """
for name; do
    (runuser --user "$name" -- "$name-status" upgrade check >"/tmp/$name" 2>&1; echo "$name: $?") &
done
wait
"""
    services = ("cinder", "glance", "keystone", "neutron", "nova", "placement")
    told = act(cloud, "sh", "-c", script, "sh", *services).stdout
    assert sorted(told.splitlines()) == [f"{name}: 0" for name in services]


def test_every_option_that_is_written_is_known_and_stays(cloud: Node) -> None:
    found = inside(cloud, "configuration")
    assert found["wrong"] == []
    assert found["checked"] > 200
    # What the services themselves say of their files, which they read at each start.
    assert act(cloud, "journalctl", "--grep", 'Option ".*" from group', check=False).code == 1


def test_the_schemas_that_packages_bring_are_those_that_migrations_make(cloud: Node) -> None:
    found = inside(cloud, "schemas", timeout_s=600)
    assert len(found) > 20
    assert {name: tables for name, tables in found.items() if tables} == {}


def test_a_person_logs_in_to_a_virtual_machine(cloud: Node, address: str) -> None:
    assert "user data ran" in virtual.prove_login(cloud, address)
    assert virtual.prove_metadata(cloud, address).startswith("first, ")
    assert virtual.prove_console(cloud, "first") == "guest: ready"
    inside = virtual.ssh(cloud, address, "ip -6 -o address show dev eth0 scope global")
    assert "fd87:0:0:1" in inside or "fd87::1:" in inside


def test_an_interface_that_is_left_down_comes_up(cloud: Node, address: str) -> None:
    port = openstack_json(cloud, "port", "list", "--server", "first")[0]["ID"]
    device = f"tap{port[:11]}"
    act(cloud, "ip", "link", "set", "dev", device, "down")
    wait_until(
        lambda: ",UP" in act(cloud, "ip", "-o", "link", "show", device).stdout,
        timeout_s=10,
        what=f"{device} to be up again",
    )


def test_the_console_opens_through_the_proxy(cloud: Node, address: str) -> None:
    found = inside(cloud, "console", "first")
    assert found["page"] == 200, found
    assert found["first"].startswith("RFB 003."), found


def test_packets_of_the_networks_size_pass_whole(cloud: Node, address: str) -> None:
    virtual.prove_login(cloud, address)
    told = virtual.ssh(cloud, address, "cat /sys/class/net/eth0/mtu").strip()
    mtu = int(told)
    assert mtu == openstack_json(cloud, "network", "show", "demo")["mtu"]
    headers = 28
    ping = ["ping", "-c", "3", "-M", "do", "-s", str(mtu - headers), address]
    assert cloud.run(ping, check=False).code == 0


def test_cells_are_mapped_without_secrets(cloud: Node) -> None:
    query = "SELECT name, transport_url, database_connection FROM nova_api.cell_mappings ORDER BY 1"
    rows = act(cloud, "mariadb", "-N", "-e", query).stdout.splitlines()
    assert [row.split("\t")[0] for row in rows] == ["cell0", "cell1"]
    assert all("{password}" in row or "none:" in row for row in rows), rows
    hosts = act(cloud, "mariadb", "-N", "-e", "SELECT host FROM nova_api.host_mappings").stdout
    assert hosts.split() == [cloud.name]


def test_a_closed_port_is_closed(cloud: Node, address: str) -> None:
    virtual.prove_login(cloud, address)
    virtual.ssh(
        cloud, address, "(while true; do echo hello | nc -l -p 8000; done) >/dev/null 2>&1 &"
    )
    probe = ["timeout", "5", "bash", "-c", f"exec 3<>/dev/tcp/{address}/8000"]
    assert cloud.run(probe, check=False).code != 0
    create = ["security", "group", "rule", "create", "--protocol", "tcp", "--dst-port", "8000"]
    group = openstack_json(cloud, "security", "group", "list", "--project", "admin")[0]["ID"]
    rule = openstack_json(cloud, *create, group)["id"]
    wait_until(
        lambda: cloud.run(probe, check=False).code == 0,
        timeout_s=30,
        interval_s=1,
        what="the port that was opened",
    )
    openstack(cloud, "security", "group", "rule", "delete", rule)


def test_a_volume_goes_in_and_out(cloud: Node, address: str) -> None:
    virtual.prove_login(cloud, address)
    openstack(cloud, "volume", "create", "--size", "1", "data")
    _wait_for_volume(cloud, "available")
    assert openstack_json(cloud, "volume", "show", "data")["type"] == "file"
    openstack(cloud, "server", "add", "volume", "first", "data")
    _wait_for_volume(cloud, "in-use")
    disks = "ls /sys/block | grep -c '^vd'"
    wait_until(
        lambda: virtual.ssh(cloud, address, disks).strip() == "2",
        timeout_s=30,
        interval_s=1,
        what="the second disk",
    )
    written = (
        "mke2fs -q /dev/vdb && mount /dev/vdb /media && echo kept >/media/file && umount /media"
    )
    virtual.ssh(cloud, address, f"mkdir -p /media; {written}")
    openstack(cloud, "server", "remove", "volume", "first", "data")
    _wait_for_volume(cloud, "available")
    openstack(cloud, "volume", "delete", "data")


def _wait_for_volume(node: Node, status: str, name: str = "data") -> None:
    wait_until(
        lambda: openstack_json(node, "volume", "show", name)["status"] == status,
        timeout_s=120,
        interval_s=1,
        what=f"the volume to be {status}",
    )


def test_what_others_make_is_not_rotated_and_nothing_changes(cloud: Node) -> None:
    before = act(cloud, "cat", SECRETS_FILE).stdout
    names = ("nova/service-password", "openstack/ceph-key")
    refused = debstack(cloud, "secrets", "rotate", *names, check=False)
    said = complaint(refused.stdout)
    assert (refused.code, len(said.errors), len(said.hints)) == (3, 1, 1), refused.stdout
    assert "openstack/ceph-key: a new one cannot be made here" in said.errors[0]
    assert act(cloud, "cat", SECRETS_FILE).stdout == before


def test_containers_without_their_driver_are_one_error(cloud: Node) -> None:
    debstack(cloud, "answers", "set", "nova/virt-type", "lxc")
    refused = debstack(cloud, "apply", check=False)
    said = complaint(refused.stdout)
    assert (refused.code, len(said.errors), len(said.hints)) == (3, 1, 1), refused.stdout
    assert "nova/virt-type lxc needs libvirt-daemon-driver-lxc" in said.errors[0]
    assert "apt-get install libvirt-daemon-driver-lxc" in said.hints[0]
    debstack(cloud, "answers", "set", "nova/virt-type", "automatic")
    assert "restart" not in debstack(cloud, "apply").stdout


def _types(cloud: Node) -> dict[str, dict[str, str]]:
    """Return the properties of each volume type."""
    found = openstack_json(cloud, "volume", "type", "list", "--long")
    return {one["Name"]: one["Properties"] for one in found}


def test_volume_types_follow_the_answers_and_what_is_there_stays(cloud: Node) -> None:
    assert _types(cloud)["file"] == {"volume_backend_name": "file"}
    debstack(cloud, "answers", "set", "cinder/default-volume-type", "gold")
    refused = complaint(debstack(cloud, "apply", check=False).stdout)
    assert len(refused.errors) == 1, refused
    assert refused.errors[0].endswith("there is no volume type gold; there are __DEFAULT__, file")
    made = refused.hints[0].partition("make it: ")[2].partition(";")[0]
    act(cloud, *made.split())
    debstack(cloud, "apply")
    openstack(cloud, "volume", "create", "--size", "1", "ring")
    _wait_for_volume(cloud, "available", "ring")
    assert openstack_json(cloud, "volume", "show", "ring")["type"] == "gold"
    openstack(cloud, "volume", "delete", "ring")
    debstack(cloud, "answers", "set", "cinder/default-volume-type", "")
    debstack(cloud, "apply")
    assert _types(cloud)["gold"] == {}
    wait_until(
        lambda: openstack_json(cloud, "volume", "list") == [],
        timeout_s=60,
        interval_s=1,
        what="the volume to be gone",
    )
    openstack(cloud, "volume", "type", "delete", "gold")
    assert "make volume type" not in debstack(cloud, "plan").stdout


def test_a_second_apply_does_nothing_and_leaves_machines_alone(cloud: Node, address: str) -> None:
    virtual.prove_login(cloud, address)
    before = virtual.ssh(cloud, address, "cat /proc/sys/kernel/random/boot_id")
    told = debstack(cloud, "apply").stdout
    assert re.search(r"nothing to do|0 changes", told), told
    assert virtual.ssh(cloud, address, "cat /proc/sys/kernel/random/boot_id") == before


def test_demo_twice_does_nothing_and_goes_when_nothing_uses_it(cloud: Node, address: str) -> None:
    assert "nothing to do" in debstack(cloud, "demo").stdout
    refused = debstack(cloud, "demo", "--remove", check=False)
    assert refused.code == 3
    assert address in refused.stdout
    debstack(cloud, "demo")
    openstack(cloud, "floating", "ip", "delete", address)
    openstack(cloud, "server", "delete", "--wait", "first")
    debstack(cloud, "demo", "--remove")
    for kind in ("network", "router", "flavor", "keypair", "image"):
        assert openstack_json(cloud, kind, "list") == [], kind
    assert "nothing to remove" in debstack(cloud, "demo", "--remove").stdout
    assert act(cloud, "nft", "list", "tables").stdout.find("debstack") == -1


@pytest.mark.long
def test_with_open_vswitchs_agent_and_nothing_that_is_only_recommended(
    make_node: NodeMaker,
) -> None:
    node = make_node("ovs", stage="debian", packages=[ALL_IN_ONE]).boot()
    preseed(node, {"neutron/backend": "openvswitch"}, {})
    apt(node, "install", "--no-install-recommends", ALL_IN_ONE, timeout_s=_INSTALL_TIMEOUT_S)
    debstack(node, "demo")
    address = virtual.make_server(node, "first")
    assert "user data ran" in virtual.prove_login(node, address)
    assert virtual.prove_metadata(node, address).startswith("first, ")
