# SPDX-License-Identifier: Apache-2.0
"""Twenty compute nodes that join at the same moment: none is lost, whoever waits for whom."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import mean

import pytest

from cloudtest import several
from cloudtest.acting import act, apt, debstack, inside, status
from cloudtest.observing import assert_no_failed_unit, assert_no_stumble
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

_NAMES = [f"compute-{number:02}" for number in range(1, 21)]
_INSTALL_TIMEOUT_S = 3600.0
#: The scheduler looks for new hosts every few seconds, and has much else to do here.
_MAPPED_TIMEOUT_S = 180.0
#: Nova's own option, in a file of the administrator's, chooses the driver.
_LOCAL = "/etc/nova/nova-compute.conf.d/90-fake.conf"
_FAKE = "[DEFAULT]\ncompute_driver = fake.FakeDriver\n"
#: Whoever has no virtual machines needs neither libvirt nor what serves them on their networks:
#: twenty nodes without these fit into the memory of one machine. The last ones watch files: the
#: kernel lets root of all nodes and the host together do so 128 times, unless it is told otherwise.
_NEEDLESS = (
    *("libvirtd", "libvirtd.socket", "libvirtd-ro.socket", "libvirtd-admin.socket"),
    *("virtlogd", "virtlogd.socket", "virtlockd", "virtlockd.socket", "libvirt-guests"),
    *("neutron-ovn-agent", "nova-compute-interfaces"),
    *("console-getty", "systemd-ask-password-console.path", "systemd-ask-password-wall.path"),
)
_ARRIVED = "SELECT host, UNIX_TIMESTAMP(created_at) FROM nova_api.host_mappings"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A controller, and nodes that have all joined at once."""

    controller: Node
    computes: dict[str, Node]
    #: Seconds from the beginning, which is the same for all, to the end of apt-get.
    installed: dict[str, float]
    #: The same to when Nova had the node in its cell.
    arrived: dict[str, float]


def _bare(bed: Testbed, repository: Path, name: str) -> Node:
    """Return a booted node that is to have a hypervisor that pretends."""
    node = several.make_machine(bed, name, repository)
    node.write_file(_LOCAL, _FAKE)
    node.enter_chroot(["systemctl", "mask", *_NEEDLESS])
    return node.boot()


def _join(node: Node, handed: str) -> float:
    """Install openstack-compute with the answers `handed`; return the time when that was done."""
    node.run(["debconf-set-selections"], input=handed)
    apt(node, "install", "openstack-compute", timeout_s=_INSTALL_TIMEOUT_S)
    return time.time()


def _arrivals(controller: Node) -> dict[str, float]:
    lines = act(controller, "mariadb", "-N", "-e", _ARRIVED).stdout.splitlines()
    return {host: float(moment) for host, moment in (line.split("\t") for line in lines)}


@pytest.fixture(scope="module")
def cloud(repository: Path) -> Iterator[Cloud]:
    """A controller, and twenty nodes whose apt-get began at the same moment."""
    with Testbed("twenty") as bed:
        controller = several.make_machine(bed, "controller", repository).boot()
        apt(controller, "install", "openstack-controller", timeout_s=_INSTALL_TIMEOUT_S)
        computes = {name: _bare(bed, repository, name) for name in _NAMES}
        # One file serves all nodes of a role.
        handed = several.exported(controller, "compute")
        began = time.time()
        with ThreadPoolExecutor(len(computes)) as pool:
            ends = pool.map(lambda node: _join(node, handed), computes.values())
            installed = {name: end - began for name, end in zip(computes, ends, strict=True)}
        wait_until(
            lambda: _arrivals(controller).keys() >= computes.keys(),
            timeout_s=_MAPPED_TIMEOUT_S,
            interval_s=1,
            what="all nodes to be in the cell",
        )
        arrived = {name: moment - began for name, moment in _arrivals(controller).items()}
        yield Cloud(controller=controller, computes=computes, installed=installed, arrived=arrived)


def test_each_is_mapped_once_and_none_is_lost(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    with capsys.disabled():
        for name in _NAMES:
            told = f"apt-get done after {cloud.installed[name]:.0f} s"
            print(f"\n{name}: {told}, in the cell after {cloud.arrived[name]:.0f} s", end="")
        last = max(cloud.installed.values())
        print(f"\nall: {last:.0f} s, which is {last / len(_NAMES):.0f} s for each node; ", end="")
        memory = [sum(inside(node, "memory").values()) for node in cloud.computes.values()]
        print(f"memory of a node: {mean(memory):.0f} MiB")
    assert several.mapped(cloud.controller) == _NAMES
    several.await_hypervisors(cloud.controller, _NAMES)
    assert set(several.hypervisors(cloud.controller)) == set(_NAMES)
    for query in (
        "SELECT name FROM placement.resource_providers ORDER BY name",
        "SELECT host FROM nova.compute_nodes WHERE deleted = 0 ORDER BY host",
        "SELECT host FROM nova.services WHERE deleted = 0 AND topic = 'compute' ORDER BY host",
    ):
        assert act(cloud.controller, "mariadb", "-N", "-e", query).stdout.split() == _NAMES, query


def test_the_controller_lists_them_with_the_driver_that_was_chosen(cloud: Cloud) -> None:
    found = several.machines(cloud.controller)
    assert set(found) == {"controller", *_NAMES}
    for name in _NAMES:
        assert found[name]["state"] == "up", found[name]
        assert found[name]["roles"] == ["compute"], found[name]
        assert found[name]["hypervisor"].startswith("fake"), found[name]
    assert inside(cloud.controller, "not_up") == []


def test_nothing_failed_and_nothing_is_left_to_do(cloud: Cloud) -> None:
    assert_no_stumble(cloud.controller)
    for node in (cloud.controller, *cloud.computes.values()):
        assert_no_failed_unit(node)
        assert act(node, "dpkg", "--audit").stdout == "", node.name
        assert status(node)["in-order"], node.name
    for name in (_NAMES[0], _NAMES[-1]):
        assert "nothing to do" in debstack(cloud.computes[name], "apply").stdout, name
        assert cloud.computes[name].read_file(_LOCAL) == _FAKE
