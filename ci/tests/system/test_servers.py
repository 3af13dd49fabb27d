# SPDX-License-Identifier: Apache-2.0
"""What is done to servers in their lives, whom they reach, and that no service stumbles over it.

A machine with two processors has room for eight of theirs, and a server that is resized counts
twice until that is confirmed: no more are there at a time.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

import pytest

from cloudtest import goods, virtual
from cloudtest.acting import INSIDE, act, inside, openstack, openstack_json
from cloudtest.observing import assert_no_stumble, restarted
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from testbed.machine import wait_until
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

#: A tenant whose addresses are those of the demo's network too.
RANGE = "10.87.0.0/24"
#: Whoever reaches this port gets a shell.
DOOR = 7777
OPEN_DOOR = f"#!/bin/sh\nnc -ll -p {DOOR} -e /bin/sh >/dev/null 2>&1 &\n"
OUTSIDE = "outside"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tenants:
    """The servers of two projects: the administrator's, by name, and another one's only server."""

    servers: Mapping[str, Mapping[str, str]]
    account: Mapping[str, str]

    def outer(self, name: str) -> str:
        """Return the floating IP of a server."""
        return self.servers[name]["outer"]


@pytest.fixture(scope="module")
def cloud(make_module_node: NodeMaker) -> Node:
    """An all-in-one with the networks of debstack demo, switched off and on since."""
    node = make_module_node(stage="all-in-one", packages=[ALL_IN_ONE]).boot()
    virtual.await_cloud(node)
    return node


def free_addresses(cloud: Node) -> Iterator[str]:
    """Give addresses of RANGE that nothing has in any network; Neutron would give any by chance."""
    ports = openstack_json(cloud, "port", "list")
    taken = {fixed["ip_address"] for port in ports for fixed in port["Fixed IP Addresses"]}
    return (text for text in map(str, ip_network(RANGE).hosts()) if text not in taken)


@pytest.fixture(scope="module")
def tenants(cloud: Node) -> Tenants:
    """All servers that the tests begin with, started at once."""
    account = inside(cloud, "tenant", "stranger", secrets.token_hex(16), RANGE)
    servers: list[dict[str, Any]] = [
        {"server": "first", "floating": True},
        {"server": "second", "user_data": OPEN_DOOR},
        {"server": "resized", "floating": True},
        {"server": "shelved", "floating": True},
        {"server": "rebuilt", "floating": True},
        {"server": "of-volume", "floating": True, "volume": ""},
        {"server": "stranger", "floating": True, "account": account}
        | {"network": "stranger", "user_data": OPEN_DOOR},
    ]
    addresses = zip(servers, free_addresses(cloud), strict=False)
    orders = [{"act": "create", "address": address, **server} for server, address in addresses]
    found = virtual.order(cloud, *orders)
    for name, server in found.items():
        if "outer" in server and name != "stranger":
            virtual.prove_login(cloud, server["outer"])
    return Tenants(servers=found, account=account)


def keep(node: Node, address: str, text: str) -> None:
    """Write `text` on the disk of the server at `address`."""
    virtual.ssh(node, address, f"echo {text} >/mnt/{text} && sync")


def kept(node: Node, address: str) -> list[str]:
    """Return what is on the disk of the server at `address`, once it lets one in."""
    virtual.prove_login(node, address)
    return sorted(virtual.ssh(node, address, "find /mnt -type f -exec cat {} +").split())


def answers_ping(node: Node, address: str) -> bool:
    return node.run(["ping", "-c", "1", "-W", "2", address], check=False).code == 0


def by_the_door(node: Node, tenants: Tenants, address: str, command: str) -> str:
    """Run a shell line in the server at the inner `address` that left a door open, from `first`."""
    line = f"echo '{command}' | nc -w 5 {address} {DOOR}"
    return virtual.ssh(node, tenants.outer("first"), line, check=False).strip()


def test_servers_of_one_network_reach_each_other(cloud: Node, tenants: Tenants) -> None:
    second = tenants.servers["second"]
    wait_until(
        lambda: by_the_door(cloud, tenants, second["inner"], "hostname") == "second",
        timeout_s=60,
        interval_s=1,
        what="second to answer first",
    )
    told = by_the_door(cloud, tenants, second["inner"], "ip -4 -o address show dev eth0")
    assert f" {second['inner']}/24 " in told
    virtual.ssh(cloud, tenants.outer("first"), f"ping -c 3 {second['inner']}")


def test_a_server_of_another_tenant_is_not_reached(cloud: Node, tenants: Tenants) -> None:
    stranger = tenants.servers["stranger"]
    # It is up, and answers where it may be reached.
    wait_until(
        lambda: answers_ping(cloud, stranger["outer"]),
        timeout_s=60,
        interval_s=1,
        what="the other tenant's server",
    )
    probe = f"ping -c 3 -w 5 {stranger['inner']} || echo unreachable"
    assert "unreachable" in virtual.ssh(cloud, tenants.outer("first"), probe)
    assert by_the_door(cloud, tenants, stranger["inner"], "hostname") == ""
    # Nor at the floating IP, where its rules let pings in alone.
    assert by_the_door(cloud, tenants, stranger["outer"], "hostname") == ""
    assert answers_ping(cloud, stranger["outer"])


def test_a_floating_ip_is_reached_from_behind_another_router(cloud: Node, tenants: Tenants) -> None:
    outer = tenants.servers["stranger"]["outer"]
    assert ", 0% packet loss" in virtual.ssh(cloud, tenants.outer("first"), f"ping -c 5 {outer}")


def outside_host(node: Node) -> str:
    """Make a host on the external network, in a name space of its own; return its address.

    The address is a floating IP that is nobody's, so that nobody else is given it.
    """
    create = ["floating", "ip", "create", "external", "--format", "value"]
    address = openstack(node, *create, "--column", "floating_ip_address").strip()
    act(node, "sh", "-eux", "-c", _OUTSIDE, "sh", OUTSIDE, address)
    node.copy_in(INSIDE / "echo_address.py", "/root/echo_address.py")
    unit = ["systemd-run", "--unit=echo-address", f"-pNetworkNamespacePath=/run/netns/{OUTSIDE}"]
    act(node, *unit, "python3", "/root/echo_address.py")
    return address


_OUTSIDE = """
ip netns add "$1"
ip link add "$1" type veth peer name eth0 netns "$1"
ip link set "$1" up
ip -n "$1" link set eth0 up
ip -n "$1" address add "$2"/24 dev eth0
ovs-vsctl add-port br-ex "$1"
"""


def test_the_outside_of_the_router_is_reached(cloud: Node, tenants: Tenants) -> None:
    address = outside_host(cloud)
    get = f"wget -q -T 10 -O - http://{address}/"
    first, second = tenants.outer("first"), tenants.servers["second"]["inner"]
    wait_until(
        lambda: virtual.ssh(cloud, first, get, check=False) == first,
        timeout_s=30,
        interval_s=1,
        what="the host outside to be asked by the floating IP of first",
    )
    # A server without a floating IP appears as its router.
    gateway = json.loads(openstack(cloud, "router", "show", "demo", "--format", "json"))
    known = {ip["ip_address"] for ip in gateway["external_gateway_info"]["external_fixed_ips"]}
    assert by_the_door(cloud, tenants, second, get) in known
    inwards = ["ip", "netns", "exec", OUTSIDE, "ping", "-c", "3", "-W", "2", first]
    act(cloud, *inwards)


def test_paused_a_server_is_silent_and_goes_on_after_it(cloud: Node, tenants: Tenants) -> None:
    address = tenants.outer("first")
    boot = virtual.ssh(cloud, address, "cat /proc/sys/kernel/random/boot_id")
    virtual.order(cloud, {"act": "pause", "server": "first"})
    assert not answers_ping(cloud, address)
    virtual.order(cloud, {"act": "unpause", "server": "first"})
    assert virtual.ssh(cloud, address, "cat /proc/sys/kernel/random/boot_id") == boot


def test_rebooted_softly_a_server_is_reached_again(cloud: Node, tenants: Tenants) -> None:
    address = tenants.outer("first")
    boot = virtual.ssh(cloud, address, "cat /proc/sys/kernel/random/boot_id")
    openstack(cloud, "server", "reboot", "--soft", "--wait", "first")
    virtual.prove_login(cloud, address)
    assert virtual.ssh(cloud, address, "cat /proc/sys/kernel/random/boot_id") != boot


def memory_kib(node: Node, address: str) -> int:
    virtual.prove_login(node, address)
    return int(virtual.ssh(node, address, "grep MemTotal /proc/meminfo").split()[1])


@pytest.fixture(scope="module")
def acted(cloud: Node, tenants: Tenants) -> Mapping[str, Any]:
    """What was true before these acts, which take their time and so go on at once: see the tests.

    Returns the address of the server that a snapshot of `first` became, and so on.
    """
    before = memory_kib(cloud, tenants.outer("resized"))
    for name in ("first", "resized", "shelved", "rebuilt"):
        keep(cloud, tenants.outer(name), name)
    flavor = ["flavor", "create", "--ram", "384", "--vcpus", "1", "--disk", "2", "bigger"]
    openstack(cloud, *flavor)
    virtual.order(
        cloud,
        {"act": "snapshot", "server": "first", "image": "snapshot-of-first"},
        {"act": "resize", "server": "resized", "flavor": "bigger"},
        {"act": "shelve", "server": "shelved"},
        {"act": "rebuild", "server": "rebuilt"},
    )
    defined = act(cloud, "virsh", "list", "--all", "--uuid").stdout.split()
    virtual.order(cloud, {"act": "confirm", "server": "resized"})
    made = virtual.order(
        cloud,
        {"act": "create", "server": "again", "floating": True, "image": "snapshot-of-first"},
        {"act": "unshelve", "server": "shelved"},
    )
    return {"memory": before, "again": made["again"]["outer"], "defined while shelved": defined}


def test_a_snapshot_of_a_server_boots(
    cloud: Node, tenants: Tenants, acted: Mapping[str, Any]
) -> None:
    assert kept(cloud, acted["again"]) == ["first"]
    assert virtual.ssh(cloud, acted["again"], "hostname").strip() == "again"
    assert kept(cloud, tenants.outer("first")) == ["first"]
    virtual.order(cloud, {"act": "delete", "server": "again"})


def test_resized_a_server_has_more_memory_and_its_disk(
    cloud: Node, tenants: Tenants, acted: Mapping[str, Any]
) -> None:
    address = tenants.outer("resized")
    assert kept(cloud, address) == ["resized"]
    assert 110_000 < memory_kib(cloud, address) - acted["memory"] < 135_000
    sectors = virtual.ssh(cloud, address, "cat /sys/block/vda/size")
    assert int(sectors) * 512 == 2 * 1024**3


def test_shelved_a_server_is_off_the_host_and_comes_back(
    cloud: Node, tenants: Tenants, acted: Mapping[str, Any]
) -> None:
    assert tenants.servers["shelved"]["id"] not in acted["defined while shelved"]
    assert tenants.servers["first"]["id"] in acted["defined while shelved"]
    assert kept(cloud, tenants.outer("shelved")) == ["shelved"]


def test_rebuilt_a_server_has_a_new_disk_and_its_addresses(
    cloud: Node, tenants: Tenants, acted: Mapping[str, Any]
) -> None:
    assert acted
    assert kept(cloud, tenants.outer("rebuilt")) == []


def test_volumes_boot_and_so_do_their_snapshots(cloud: Node, tenants: Tenants) -> None:
    address = tenants.outer("of-volume")
    keep(cloud, address, "before")
    volumes = inside(cloud, "volume_copy", "of-volume", timeout_s=300)
    keep(cloud, address, "after")
    virtual.order(cloud, {"act": "delete", "server": "of-volume"})
    made = virtual.order(
        cloud,
        {"act": "create", "server": "old", "floating": True, "volume": volumes["old"]},
        {"act": "create", "server": "new", "floating": True, "volume": volumes["new"]},
    )
    assert kept(cloud, made["old"]["outer"]) == ["after", "before"]
    assert kept(cloud, made["new"]["outer"]) == ["before"]


@pytest.fixture(scope="module")
def loaded(cloud: Node, tenants: Tenants) -> goods.Goods:
    """The volume, as the server "first" has written it; both are left so."""
    return goods.load(cloud, "first", tenants.outer("first"))


def test_a_volume_goes_from_server_to_server_with_what_is_on_it(
    cloud: Node, tenants: Tenants, loaded: goods.Goods
) -> None:
    copy = goods.carry(cloud, "first", "rebuilt")
    address = tenants.outer("rebuilt")
    assert loaded.found(cloud, address, loaded.volume) == "all"
    assert loaded.found(cloud, address, copy) == "the snapshot"


def test_a_backup_brings_a_volume_back_that_is_no_more(
    cloud: Node, tenants: Tenants, loaded: goods.Goods
) -> None:
    virtual.order_volumes(
        cloud,
        {"act": "detach", "server": "rebuilt", "volume": goods.VOLUME},
        {"act": "backup", "volume": goods.VOLUME, "backup": "kept"},
        {"act": "delete", "kind": "snapshot", "name": goods.SNAPSHOT},
        {"act": "delete", "kind": "volume", "name": goods.VOLUME},
    )
    files = ["find", "/var/lib/cinder/backup", "-type", "f"]
    assert act(cloud, *files).stdout
    # It is read in pieces, and does not take the memory of the whole volume.
    pid = act(cloud, "systemctl", "show", "--value", "--property=MainPID", "cinder-backup").stdout
    status = act(cloud, "cat", f"/proc/{pid.strip()}/status").stdout
    (peak_kib,) = (int(line.split()[1]) for line in status.splitlines() if "VmHWM" in line)
    assert peak_kib < 700_000
    volume = virtual.order_volumes(
        cloud,
        {"act": "restore", "backup": "kept", "volume": "restored"},
        {"act": "delete", "kind": "backup", "name": "kept"},
        {"act": "attach", "server": "rebuilt", "volume": "restored"},
    )
    assert loaded.found(cloud, tenants.outer("rebuilt"), volume["restored"]) == "all"
    assert act(cloud, *files).stdout == ""


def test_who_orders_more_than_the_quota_is_told_which(cloud: Node, tenants: Tenants) -> None:
    refused = inside(cloud, "quotas", json.dumps(tenants.account))
    assert {thing: refusal and refusal[0] for thing, refusal in refused.items()} == {
        "server": 403,
        "volume": 413,
        "network": 409,
        "floating IP": 409,
    }
    words = {"server": "instances", "volume": "volumes", "network": "network"}
    for thing, word in {**words, "floating IP": "floatingip"}.items():
        assert word in refused[thing][1], refused


def test_no_service_stumbled_or_was_restarted(cloud: Node, tenants: Tenants) -> None:
    assert tenants
    assert restarted(cloud) == {}
    assert_no_stumble(cloud)
