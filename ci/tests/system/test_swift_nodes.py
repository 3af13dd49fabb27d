# SPDX-License-Identifier: Apache-2.0
"""The object storage on three machines: one is down while writing goes on, and is rebuilt.

One cloud lives through all of it: the tests of this file run in order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudtest import groundwork
from cloudtest.acting import act, apt, complaint, debstack, inside
from cloudtest.observing import unsettled
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node

# Long: minutes more than there are in make test.
pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

ROLE = "openstack-object-storage"
CONTROLLER = ("keystone", "swift-proxy", "openstack-preseeds")
CLIENTS = ("python3-boto3", "python3-requests")
NAMES = ("storage-1", "storage-2", "storage-3")
COUNT, SIZE = 300, 4096
_REPLICATORS = ("account", "container", "object")


class Cloud:
    """A controller with the API, and machines that keep objects."""

    def __init__(self, controller: Node, nodes: dict[str, Node]) -> None:
        self.controller = controller
        self.nodes = nodes
        #: What the controller told before it knew of any device.
        self.alone = ""
        #: What a storage node is given.
        self.handed = ""


def objects(cloud: Cloud, action: str, *arguments: object) -> Any:
    """Return what the program inside/objects.py tells on the controller."""
    return inside(cloud.controller, "objects", action, *map(str, arguments), timeout_s=300)


def join(cloud: Cloud, node: Node) -> None:
    """Make `node` keep objects, by the file of debstack export and apt-get alone."""
    node.write_file("/root/object-storage.preseed", cloud.handed, mode=0o600)
    act(node, "debconf-set-selections", "/root/object-storage.preseed")
    apt(node, "install", ROLE)


@pytest.fixture(scope="module")
def cloud(repository: Path) -> Iterator[Cloud]:
    """All machines joined."""
    packages = [ROLE, *CONTROLLER, *CLIENTS]
    with Testbed("swift") as bed:

        def make(name: str, needs: tuple[str, ...]) -> Node:
            node = bed.create(name, packages=packages, repository=repository).boot()
            needed = {n for package in needs for n in groundwork.needed(repository, package)}
            apt(node, "install", *sorted(needed))
            return node

        controller = make("controller", CONTROLLER)
        apt(controller, "install", *CLIENTS)
        found = Cloud(controller, {name: make(name, (ROLE,)) for name in NAMES})
        found.alone = apt(controller, "install", *CONTROLLER).stdout
        devices = [f"{node.address}/d1" for node in found.nodes.values()]
        debstack(controller, "rings", "add", *devices)
        debstack(controller, "apply")
        found.handed = controller.run(
            ["debstack", "export", "--role", "object-storage"], timeout_s=120
        ).stdout
        for node in found.nodes.values():
            join(found, node)
        yield found


def ring(node: Node) -> list[dict[str, Any]]:
    """Return the devices of the ring of objects on `node`."""
    rings = json.loads(node.run(["debstack", "rings", "show", "--json"]).stdout)
    found: list[dict[str, Any]] = next(r for r in rings if r["ring"] == "object")["devices"]
    return found


def replicate(node: Node) -> None:
    """Have `node` copy to others now what they lack."""
    for kind in _REPLICATORS:
        replicator = (f"swift-{kind}-replicator", f"/etc/swift/{kind}-server.conf.d", "--once")
        act(node, "runuser", "-u", "swift", "--", *replicator, timeout_s=300)


def kept(node: Node) -> int:
    """Return how many objects of the container "while-down" `node` keeps."""
    argv = ["sh", "-c", "find /srv/node/d1/objects -name '*.data' 2>/dev/null | wc -l"]
    return int(node.run(argv).stdout)


def test_a_controller_without_devices_waits_for_them(cloud: Cloud) -> None:
    assert "it knows of no device; name one: debstack rings add" in cloud.alone
    assert complaint(cloud.alone).errors == ()


def test_three_copies_are_on_three_zones(cloud: Cloud) -> None:
    for node in (cloud.controller, *cloud.nodes.values()):
        assert unsettled(node) == {}
        devices = ring(node)
        assert sorted(device["zone"] for device in devices) == [1, 2, 3]
        assert [device["parts"] for device in devices] == [4096] * 3


def test_a_storage_node_knows_no_password(cloud: Cloud) -> None:
    held = cloud.controller.read_file("/etc/debstack/secrets.preseed").splitlines()
    secrets = {
        line.split()[1]: line.split(maxsplit=3)[3]
        for line in held
        if line and not line.startswith("#")
    }
    own = {"swift/hash-path-suffix", "swift/hash-path-prefix"}
    assert own | {"openstack/admin-password", "swift/service-password"} <= set(secrets)
    for node in cloud.nodes.values():
        found = node.read_file("/etc/debstack/secrets.preseed")
        assert {name for name, value in secrets.items() if value in found} == own
        wrong = [
            name
            for name, value in secrets.items()
            if name not in own
            and act(node, "grep", "-rlF", value, "/etc", "/var/lib", check=False).stdout
        ]
        assert wrong == []


def test_writing_goes_on_while_one_machine_is_down(cloud: Cloud) -> None:
    assert objects(cloud, "put", "before", 0, COUNT, SIZE)["wrong"] == {}
    cloud.nodes["storage-2"].kill()
    assert objects(cloud, "put", "while-down", 0, COUNT, SIZE)["wrong"] == {}
    assert objects(cloud, "get", "while-down", 0, COUNT, SIZE)["wrong"] == {}
    assert objects(cloud, "get", "before", 0, COUNT, SIZE)["wrong"] == {}


def test_what_was_written_meanwhile_comes_to_it(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    node = cloud.nodes["storage-2"]
    node.boot()
    wait_until(lambda: unsettled(node) == {}, timeout_s=120, what="storage-2 is up")
    before = kept(node)
    for other in ("storage-1", "storage-3"):
        replicate(cloud.nodes[other])
    wait_until(lambda: kept(node) == 2 * COUNT, timeout_s=180, what="storage-2 has everything")
    with capsys.disabled():
        print(f"\nstorage-2 had {before} objects after its boot, and has {kept(node)}")
    # It alone has to do for what it has been given.
    for other in ("storage-1", "storage-3"):
        act(cloud.nodes[other], "systemctl", "stop", "swift-object")

    def served() -> bool:
        # The API keeps away from a machine that did not answer, for a minute.
        return bool(objects(cloud, "get", "while-down", 0, COUNT, SIZE)["wrong"] == {})

    wait_until(served, timeout_s=240, what="storage-2 serves everything alone")
    for other in ("storage-1", "storage-3"):
        act(cloud.nodes[other], "systemctl", "start", "swift-object")


def test_a_machine_that_was_emptied_is_filled_again(cloud: Cloud) -> None:
    node = cloud.nodes["storage-3"]
    act(node, "sh", "-c", "systemctl stop 'swift-*' && rm -rf /srv/node/d1")
    debstack(node, "apply")
    assert unsettled(node) == {}
    for other in ("storage-1", "storage-2"):
        replicate(cloud.nodes[other])
    wait_until(lambda: kept(node) == 2 * COUNT, timeout_s=180, what="storage-3 has everything")


def test_too_much_at_once_is_refused_and_smaller_steps_go(cloud: Cloud) -> None:
    new = "10.77.0.99/d1"
    before = ring(cloud.controller)
    debstack(cloud.controller, "answers", "set", "swift/rebalance-limit", "20")
    told = debstack(cloud.controller, "rings", "add", new, check=False)
    assert told.code == 3
    (error,) = complaint(told.stdout).errors
    assert "would move 25 % of what is stored at once" in error
    assert "the limit is 20 %" in error
    assert complaint(told.stdout).hints[0].endswith("debstack rings rebalance --limit 26")
    assert ring(cloud.controller) == before
    debstack(cloud.controller, "apply")
    assert "nothing to do" in debstack(cloud.controller, "apply").stdout
    debstack(cloud.controller, "rings", "add", f"{new}=10")
    assert len(ring(cloud.controller)) == 4
    node = cloud.nodes["storage-1"]
    wait_until(lambda: len(ring(node)) == 4, timeout_s=150, what="the rings come by themselves")
    debstack(cloud.controller, "rings", "remove", new)
    debstack(node, "apply")
    assert len(ring(node)) == 3
    assert objects(cloud, "get", "before", 0, COUNT, SIZE)["wrong"] == {}


def test_without_its_controller_a_node_goes_on(cloud: Cloud) -> None:
    node = cloud.nodes["storage-1"]
    with cloud.controller.cut_off():
        told = debstack(node, "apply").stdout
    assert "those that are here stay in use" in told
    assert "nothing to do" in told
