# SPDX-License-Identifier: Apache-2.0
"""The object storage on one machine: Keystone and all of Swift, without an answer.

One machine lives through all of it: the tests of this file run in order.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from cloudtest import groundwork
from cloudtest.acting import act, apt, debstack, inside, openstack, preseed
from cloudtest.leftovers import from_pool, inventory, left, want_all_deleted
from cloudtest.observing import identity, image_comes_back, started, unsettled
from cloudtest.stages import STAGE_NODE, NodeMaker
from testbed.machine import wait_until
from testbed.node import Node

# Long: minutes more than there are in make test.
pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

PACKAGES = ("keystone", "swift-proxy", "openstack-object-storage", "swift-object-expirer")
CLIENTS = ("python3-boto3", "python3-requests")
UNITS = (
    "swift-account",
    "swift-account-auditor",
    "swift-account-reaper",
    "swift-account-replicator",
    "swift-container",
    "swift-container-auditor",
    "swift-container-replicator",
    "swift-container-updater",
    "swift-object",
    "swift-object-auditor",
    "swift-object-expirer",
    "swift-object-replicator",
    "swift-object-updater",
    "swift-proxy",
    "swift-rsync",
)
#: What runs by an answer alone: there is nothing for it to do otherwise.
ON_REQUEST = {
    "swift/container-sync": "swift-container-sync",
    "swift/erasure-coding": "swift-object-reconstructor",
    "swift/sharding": "swift-container-sharder",
}
COUNT, SIZE = 1200, 4096


@pytest.fixture(scope="module")
def machine(make_module_node: NodeMaker, repository: Path) -> Node:
    """A machine with what Keystone and Swift need of Debian, without them."""
    everything = (*PACKAGES, "glance-api")
    needed = {name for package in everything for name in groundwork.needed(repository, package)}
    node = make_module_node(STAGE_NODE, packages=[*everything, *CLIENTS]).boot()
    apt(node, "install", *sorted(needed), *CLIENTS)
    return node


@pytest.fixture(scope="module")
def before(machine: Node) -> dict[str, Any]:
    """What was on the machine before anything of ours was."""
    return inventory(machine)


@pytest.fixture(scope="module")
def node(machine: Node, before: dict[str, Any]) -> Node:
    """The same machine after apt-get install."""
    apt(machine, "install", *PACKAGES)
    return machine


def objects(node: Node, action: str, *arguments: object) -> Any:
    """Return what the program inside/objects.py tells."""
    return inside(node, "objects", action, *map(str, arguments), timeout_s=300)


def test_everything_runs_and_is_in_order(node: Node) -> None:
    assert unsettled(node) == {}
    for unit in UNITS:
        assert started(node, f"{unit}.service"), unit
    urls = identity(node).urls("object-store")
    assert urls["public"] == f"https://{node.address}:8080/v1/AUTH_%(tenant_id)s"
    shown = debstack(node, "rings", "show").stdout
    assert "object: 4096 partitions, 1 replicas, 1 devices" in shown
    assert f"{node.address}/d1" in shown


def test_what_has_nothing_to_do_runs_by_an_answer_alone(node: Node) -> None:
    def running() -> set[str]:
        return {unit for unit in ON_REQUEST.values() if started(node, f"{unit}.service")}

    assert running() == set()
    for answer, units in (("true", set(ON_REQUEST.values())), ("false", set())):
        for question in ON_REQUEST:
            debstack(node, "answers", "set", question, answer)
        debstack(node, "apply")
        assert unsettled(node) == {}
        assert running() == units


def test_nothing_listens_at_every_address(node: Node) -> None:
    told = act(node, "ss", "-Hltn").stdout
    local = {line.split()[3] for line in told.splitlines()}
    ours = {place for place in local if place.rpartition(":")[2] in _PORTS}
    # HAProxy has the port of the proxy at the address, and the proxy the one at the loopback.
    assert ours == {f"{node.address}:{port}" for port in _PORTS} | {"127.0.0.1:8080"}


_PORTS = ("8080", "6200", "6201", "6202", "6873")


def test_a_thousand_objects_come_back_as_they_went(
    node: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    put = objects(node, "put", "many", 0, COUNT, SIZE)
    assert (put["count"], put["wrong"]) == (COUNT, {})
    got = objects(node, "get", "many", 0, COUNT, SIZE)
    assert (got["count"], got["wrong"]) == (COUNT, {})
    with capsys.disabled():
        print(f"\n{COUNT} objects of {SIZE} bytes: put {put['seconds']} s, got {got['seconds']} s")


def test_the_account_knows_what_it_has(node: Node) -> None:
    def known() -> bool:
        told = objects(node, "account")
        return bool(told["containers"].get("many") == [COUNT, COUNT * SIZE])

    # Containers tell accounts of it every few minutes, and now.
    updater = ("swift-container-updater", "/etc/swift/container-server.conf.d", "--once")
    act(node, "runuser", "-u", "swift", "--", *updater)
    wait_until(known, timeout_s=60, what="the account's figures are right")
    told = objects(node, "account")
    assert told["listed"]["many"] == COUNT
    assert (told["objects"], told["bytes"]) == (COUNT, COUNT * SIZE)


def test_large_objects_come_in_segments(node: Node) -> None:
    assert objects(node, "large") == {"static": True, "dynamic": True, "range": True}


def test_a_temporary_url_is_good_for_a_time(node: Node) -> None:
    assert objects(node, "temporary") == {"good": [200, "it"], "late": [401, ""], "none": [401, ""]}


def test_a_form_uploads_without_a_token(node: Node) -> None:
    assert objects(node, "form") == {"status": 201, "content": "by form"}


def test_archives_are_unpacked_and_much_is_deleted_at_once(node: Node) -> None:
    assert objects(node, "archive") == {"created": 20, "read": "7", "deleted": 21}


def test_versions_are_kept(node: Node) -> None:
    assert objects(node, "versions") == {"versions": 2, "old": "first", "new": "second"}


def test_what_has_expired_is_not_found(node: Node) -> None:
    assert objects(node, "expiry") == {"before": 200, "after": 404}


def test_amazons_api_reaches_the_same_objects(node: Node) -> None:
    assert objects(node, "s3") == {
        "by swift": "by s3",
        "listed": {"it": 5, "large": 2 * 5 * 2**20},
        "large": True,
        "another secret": "SignatureDoesNotMatch",
    }


def test_a_second_apply_changes_nothing(node: Node) -> None:
    before = {unit: started(node, f"{unit}.service") for unit in UNITS}
    assert "nothing to do" in debstack(node, "apply").stdout
    assert {unit: started(node, f"{unit}.service") for unit in UNITS} == before
    assert "nothing to do" in debstack(node, "rings", "rebalance").stdout


def test_a_change_of_the_answers_reaches_those_who_read_them(node: Node) -> None:
    drop_in = "/etc/swift/swift.conf.d/90-local.conf"
    node.write_file(drop_in, "[swift-constraints]\nmax_object_name_length = 500\n")
    debstack(node, "apply")
    assert "max_object_name_length = 500" in act(node, "cat", "/etc/swift/swift.conf").stdout
    assert objects(node, "info")["swift"]["max_object_name_length"] == 500
    act(node, "rm", drop_in)
    debstack(node, "apply")
    assert "nothing to do" in debstack(node, "apply").stdout


def test_secrets_are_for_swift_alone(node: Node) -> None:
    held = act(node, "debstack", "secrets", "show", "swift/hash-path-suffix").stdout.strip()
    for path in ("/etc/swift/swift.conf", "/etc/swift/swift.conf.d/50-debstack.conf"):
        assert act(node, "stat", "--format=%a %U %G", path).stdout.strip() == "640 root swift"
        assert held in node.read_file(path)


def test_objects_outlive_a_reboot(node: Node) -> None:
    node.reboot()
    wait_until(lambda: unsettled(node) == {}, timeout_s=180, what="everything is up again")
    got = objects(node, "get", "many", 0, 50, SIZE)
    assert (got["count"], got["wrong"]) == (50, {})


def test_images_are_kept_in_it(node: Node) -> None:
    # It comes now, so that purging has to take back more than what came together.
    preseed(node, {"glance/store": "swift"}, {})
    apt(node, "install", "glance-api")
    image_comes_back(node)
    node.write_file("/root/image", _IMAGE)
    openstack(node, "image", "create", "--file", "/root/image", *_RAW, "kept")
    act(node, "rm", "/root/image")
    kept = "find /var/lib/glance/images -type f 2>/dev/null | wc -l"
    assert act(node, "sh", "-c", kept).stdout.strip() == "0"
    found = act(node, "grep", "-rlF", _IMAGE, "/srv/node/d1/objects").stdout.split()
    assert len(found) == 1
    assert "nothing to do" in debstack(node, "apply").stdout


_IMAGE = "what is in an image that is kept"
_RAW = ("--disk-format", "raw", "--container-format", "bare")


def test_purge_leaves_nothing(node: Node, before: dict[str, Any]) -> None:
    there = {line.split()[0] for line in before["packages"]}
    want_all_deleted(node)
    apt(node, "purge", *(name for name in from_pool(node) if name not in there))
    found = left(before, inventory(node))
    assert found == {}, found
