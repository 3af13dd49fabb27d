# SPDX-License-Identifier: Apache-2.0
"""A Ceph cluster, Debian's own, as the one store of Glance, Cinder and Nova: by answers alone.

One cloud lives through all of it: the tests of this file run in order.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from cloudtest import ceph, goods, virtual
from cloudtest.acting import INSIDE, act, apt, debstack, inside, openstack_json, preseed
from cloudtest.leftovers import ours, want_all_deleted
from cloudtest.observing import assert_no_stumble, image_comes_back, restarted, unsettled
from cloudtest.several import exported
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

MONITORS = "openstack/ceph-monitors"
KEY = "openstack/ceph-key"
_INSTALL_TIMEOUT_S = 1800.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What the installation printed on a machine without Ceph's packages, and its exit code."""

    code: int
    text: str


@pytest.fixture(scope="module")
def machine(make_module_node: NodeMaker) -> Node:
    """A machine with what an all-in-one needs of Debian, and nothing of ours or of Ceph."""
    packages = (ALL_IN_ONE, *ceph.CLIENT_PACKAGES)
    return make_module_node(stage="debian", packages=packages).boot()


@pytest.fixture(scope="module")
def store(machine: Node, make_module_node: NodeMaker) -> ceph.Ceph:
    """A Ceph on a machine of its own."""
    assert machine
    return ceph.make_ceph(make_module_node("ceph", packages=ceph.PACKAGES).boot())


@pytest.fixture(scope="module")
def before(machine: Node, store: ceph.Ceph) -> dict[str, Any]:
    """What was on the machine before anything of ours was."""
    assert store
    found: dict[str, Any] = inside(machine, "inventory")
    return found


@pytest.fixture(scope="module")
def told(machine: Node, store: ceph.Ceph, before: dict[str, Any]) -> Told:
    """How the installation ended that was told of Ceph, and found none of its packages."""
    assert before
    answers = {MONITORS: store.node.address, "cinder/backup-store": "ceph"}
    preseed(machine, answers, {KEY: store.key})
    done = apt(machine, "install", ALL_IN_ONE, check=False, timeout_s=_INSTALL_TIMEOUT_S)
    return Told(code=done.code, text=done.stdout)


@pytest.fixture(scope="module")
def cloud(machine: Node, told: Told) -> Node:
    """The same with these packages: a cloud, with what debstack demo makes.

    While they are installed, and apply is run by that, the unit `watch` notes all command lines in
    /root/arguments.
    """
    assert told
    machine.copy_in(INSIDE / "watch_arguments.py", "/root/watch.py")
    watch = ["systemd-run", "--unit=watch", "--nice=-5", "python3", "/root/watch.py"]
    act(machine, *watch, "/root/arguments")
    apt(machine, "install", "--no-install-recommends", *ceph.CLIENT_PACKAGES)
    act(machine, "systemctl", "stop", "watch")
    assert unsettled(machine) == {}
    debstack(machine, "demo")
    virtual.await_cloud(machine)
    return machine


@pytest.fixture(scope="module")
def servers(cloud: Node) -> Mapping[str, Mapping[str, str]]:
    """Two servers with floating IPs, that let one in."""
    orders = [{"act": "create", "server": name, "floating": True} for name in ("first", "second")]
    found: Mapping[str, Mapping[str, str]] = virtual.order(cloud, *orders)
    for server in found.values():
        virtual.prove_login(cloud, server["outer"])
    return found


def test_packages_that_are_missing_are_named_with_the_command(told: Told) -> None:
    assert told.code != 0
    (line,) = (line for line in told.text.splitlines() if "debstack: error:" in line)
    # QEMU recommends qemu-block-extra.
    missing = [name for name in ceph.CLIENT_PACKAGES if name != "qemu-block-extra"]
    assert f"using Ceph needs {', '.join(missing)}, which is not installed" in line
    command = f"apt-get install {' '.join(missing)}"
    assert f"debstack: hint: run: {command}; then: debstack apply" in told.text
    assert "Traceback" not in told.text


def test_files_of_each_service_are_readable_by_it_alone(cloud: Node, store: ceph.Ceph) -> None:
    listing = act(cloud, "sh", "-c", "cd /etc/ceph && stat --format='%n %U:%G %a' *.conf *.keyring")
    assert sorted(listing.stdout.splitlines()) == sorted(
        f"{name} root:{user} 640"
        for user in ("cinder", "glance", "nova")
        for name in (f"{user}.conf", f"{user}.client.{ceph.USER}.keyring")
    )
    told = act(cloud, "rbd", "--cluster", "cinder", "--id", ceph.USER, "ls", "volumes").stdout
    assert told.split() == store.listed("volumes")


def test_images_are_in_the_pool_and_come_back(cloud: Node, store: ceph.Ceph) -> None:
    image_comes_back(cloud)
    images = {image["ID"] for image in openstack_json(cloud, "image", "list")}
    assert images == set(store.listed("images"))
    assert images
    assert act(cloud, "find", "/var/lib/glance/images", "-type", "f").stdout == ""


def test_disks_of_servers_are_in_the_pool(
    cloud: Node, store: ceph.Ceph, servers: Mapping[str, Mapping[str, str]]
) -> None:
    disks = {f"{server['id']}_disk" for server in servers.values()}
    assert disks <= set(store.listed("vms"))
    for server in servers.values():
        found = act(cloud, "find", f"/var/lib/nova/instances/{server['id']}", "-name", "disk")
        assert found.stdout == ""


@pytest.fixture(scope="module")
def loaded(cloud: Node, store: ceph.Ceph, servers: Mapping[str, Mapping[str, str]]) -> goods.Goods:
    """The volume, as the first server has written it."""
    made = goods.load(cloud, "first", servers["first"]["outer"])
    assert f"volume-{made.volume}" in store.listed("volumes")
    assert openstack_json(cloud, "volume", "show", made.volume)["type"] == "ceph"
    return made


def test_a_volume_goes_from_server_to_server_with_what_is_on_it(
    cloud: Node, servers: Mapping[str, Mapping[str, str]], loaded: goods.Goods
) -> None:
    copy = goods.carry(cloud, "first", "second")
    address = servers["second"]["outer"]
    assert loaded.found(cloud, address, loaded.volume) == "all"
    assert loaded.found(cloud, address, copy) == "the snapshot"


def backed_up_and_restored(
    cloud: Node, server: Mapping[str, str], name: str, loaded: goods.Goods
) -> None:
    """Back up the volume, restore it as another one, and read that in the server."""
    backup = {"act": "backup", "volume": goods.VOLUME, "backup": name}
    made = virtual.order_volumes(cloud, backup, {"act": "restore", "backup": name, "volume": name})
    virtual.order_volumes(cloud, {"act": "attach", "server": "second", "volume": name})
    assert loaded.found(cloud, server["outer"], made[name]) == "all"
    virtual.order_volumes(
        cloud,
        {"act": "detach", "server": "second", "volume": name},
        {"act": "delete", "kind": "volume", "name": name},
        {"act": "delete", "kind": "backup", "name": name},
    )


def test_a_backup_in_ceph_is_restored(
    cloud: Node,
    store: ceph.Ceph,
    servers: Mapping[str, Mapping[str, str]],
    loaded: goods.Goods,
) -> None:
    virtual.order_volumes(cloud, {"act": "detach", "server": "second", "volume": goods.VOLUME})
    assert store.listed("backups") == []
    backed_up_and_restored(cloud, servers["second"], "kept-in-ceph", loaded)


def test_a_backup_in_files_of_a_volume_in_ceph_is_restored(
    cloud: Node, servers: Mapping[str, Mapping[str, str]], loaded: goods.Goods
) -> None:
    debstack(cloud, "answers", "set", "cinder/backup-store", "file")
    debstack(cloud, "apply")
    virtual.await_cloud(cloud)
    backed_up_and_restored(cloud, servers["second"], "kept-in-files", loaded)


def test_backups_on_an_nfs_server_are_asked_for_what_they_need(cloud: Node) -> None:
    """The kernel of the testbed mounts no NFS: that a share is used is not seen here."""
    debstack(cloud, "answers", "set", "cinder/backup-store", "nfs")
    told = debstack(cloud, "apply", check=False)
    assert told.code == 3
    assert "cinder/backup-nfs-host: needed for cinder/backup-store nfs, and empty" in told.stdout
    debstack(cloud, "answers", "set", "cinder/backup-nfs-host", "nfs.example.org")
    debstack(cloud, "answers", "set", "cinder/backup-nfs-path", "/srv/backups")
    told = debstack(cloud, "apply", check=False)
    assert told.code == 3
    assert "needs nfs-common, which is not installed" in told.stdout
    debstack(cloud, "answers", "set", "cinder/backup-store", "file")


def test_monitors_that_do_not_answer_are_one_error_in_time(cloud: Node, store: ceph.Ceph) -> None:
    debstack(cloud, "answers", "set", MONITORS, cloud.address)
    told = act(cloud, "timeout", "150", "debstack", "apply", check=False, timeout_s=200)
    assert told.code == 3
    (line,) = (line for line in told.stdout.splitlines() if "error:" in line)
    assert f"Ceph: no monitor answers at {cloud.address}" in line
    debstack(cloud, "answers", "set", MONITORS, store.node.address)
    debstack(cloud, "apply")
    assert unsettled(cloud) == {}


def test_a_key_of_another_user_is_refused_and_named(cloud: Node, store: ceph.Ceph) -> None:
    other = act(store.node, "ceph-authtool", "--gen-print-key").stdout.strip()
    debstack(cloud, "secrets", "set", KEY, input=f"{other}\n")
    told = debstack(cloud, "apply", check=False)
    assert told.code == 3
    assert f"{KEY}: Ceph at {store.node.address} does not let client.{ceph.USER} in" in told.stdout
    assert other not in told.stdout
    debstack(cloud, "secrets", "set", KEY, input=f"{store.key}\n")
    debstack(cloud, "apply")


def test_a_second_apply_changes_nothing(cloud: Node) -> None:
    virtual.await_cloud(cloud)
    earlier = inside(cloud, "activity")
    assert "nothing to do" in debstack(cloud, "apply").stdout
    later = inside(cloud, "activity")
    assert earlier["services"] == later["services"]
    etc = [
        {path: found for path, found in one["files"].items() if path.startswith("/etc/")}
        for one in (earlier, later)
    ]
    assert etc[0] == etc[1]


def test_a_secret_that_somebody_took_from_libvirt_comes_back(
    cloud: Node, servers: Mapping[str, Mapping[str, str]]
) -> None:
    (identifier,) = act(cloud, "virsh", "--quiet", "secret-list").stdout.split()[:1]
    act(cloud, "virsh", "secret-undefine", identifier)
    assert list(unsettled(cloud)) == ["task:nova-compute/ceph-secret"]
    told = debstack(cloud, "apply").stdout
    assert "give libvirt the key of Ceph's user client.openstack" in told
    openstack_json(cloud, "server", "show", "first")
    virtual.order(cloud, {"act": "delete", "server": "first"})
    virtual.order(cloud, {"act": "create", "server": "third"})
    assert servers


def test_the_key_is_no_argument_and_in_no_log(cloud: Node, store: ceph.Ceph) -> None:
    found = inside(cloud, "find_secrets")
    assert KEY in found["passwords"]
    assert [one for one in found["found"] if KEY in one] == []
    lines = cloud.read_file("/root/arguments").splitlines()
    for tool in ("ceph-secret set", "debstack.runtime.ceph.worker"):
        assert any(tool in line for line in lines), f"{tool} was never seen: the watch is blind"
    assert store.key not in act(cloud, "ps", "-eww", "-o", "args").stdout
    assert store.key not in cloud.journal()


def test_a_compute_node_is_told_what_it_needs_and_no_more(cloud: Node, store: ceph.Ceph) -> None:
    told = exported(cloud, "compute")
    for name, value in ((MONITORS, store.node.address), (KEY, store.key)):
        assert [line for line in told.splitlines() if f" {name} " in line and value in line], name
    assert "openstack-compute" in told
    assert "qemu-block-extra" in told.splitlines()[1]
    assert "cinder/" not in told
    assert store.key not in exported(cloud, "proxy")


def test_no_service_stumbled_or_was_restarted(cloud: Node) -> None:
    assert restarted(cloud) == {}
    assert_no_stumble(cloud)


def test_purge_leaves_the_pools_and_takes_what_was_written(
    cloud: Node, store: ceph.Ceph, before: dict[str, Any]
) -> None:
    pools = {pool: store.listed(pool) for pool in ("images", "volumes")}
    assert all(pools.values())
    want_all_deleted(cloud)
    apt(cloud, "purge", *ours(cloud, before), timeout_s=_INSTALL_TIMEOUT_S)
    assert {pool: store.listed(pool) for pool in pools} == pools
    assert set(ceph.POOLS) <= set(store.tell("osd", "pool", "ls"))
    left = act(cloud, "find", "/etc/ceph", "-type", "f").stdout.split()
    assert left == ["/etc/ceph/rbdmap"]
    assert act(cloud, "virsh", "--quiet", "secret-list", check=False).stdout.strip() == ""
    assert store.key not in json.dumps(cloud.read_file("/var/cache/debconf/passwords.dat"))
