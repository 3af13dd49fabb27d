# SPDX-License-Identifier: Apache-2.0
import pytest

from testbed.network import (
    Interface,
    Network,
    bridge_lines,
    foreign_addresses,
    free_host,
    node_lines,
)
from testbed.places import TestbedError

STORAGE = Network(bed="b", name="storage", index=1)
ETH0 = Interface(
    network="storage", device="eth0", host=11, address="10.77.1.11", address6="fd77:1::b"
)


def test_addresses_are_the_networks_own() -> None:
    assert STORAGE.address(11) == "10.77.1.11"
    assert STORAGE.address6(11) == "fd77:1::b"
    assert Network(bed="b", name="default", index=0).address6(10) == "fd77::a"
    assert STORAGE.namespace == "debstack-testbed.b.net.storage"


def test_the_world_beyond_a_bridge_is_unreachable() -> None:
    lines = bridge_lines(STORAGE)
    assert "route add unreachable default" in lines
    assert "addr add 10.77.1.1/24 dev br0" in lines


def test_only_the_first_interface_has_the_default_route() -> None:
    first = node_lines(ETH0, STORAGE, default=True)
    other = node_lines(ETH0, STORAGE, default=False)
    assert [line for line in first if line not in other] == [
        "route add default via 10.77.1.1 dev eth0",
        "-6 route add default via fd77:1::1 dev eth0",
    ]


def test_hosts_are_numbered_from_ten_and_gaps_are_filled() -> None:
    assert free_host([], "n") == 10
    assert free_host([10, 12], "n") == 11
    with pytest.raises(TestbedError, match="network n: all 241 addresses are taken"):
        free_host(range(10, 251), "n")


def test_what_a_node_has_set_up_is_told_from_what_its_cable_has() -> None:
    shown = [
        {"local": "10.77.1.11", "prefixlen": 24, "scope": "global"},
        {"local": "10.77.1.200", "prefixlen": 32, "scope": "global"},
        {"local": "fd77:1::b", "prefixlen": 64, "scope": "global"},
        {"local": "fe80::1", "prefixlen": 64, "scope": "link"},
    ]
    assert foreign_addresses(ETH0, [{"addr_info": shown}]) == ["10.77.1.200/32"]
    assert foreign_addresses(ETH0, []) == []


def test_interface_survives_writing_down() -> None:
    assert Interface.load(ETH0.dump()) == ETH0
