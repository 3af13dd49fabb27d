# SPDX-License-Identifier: Apache-2.0
"""What apply needs is not there: apt fails, one message says why and what to do, then it works."""

from __future__ import annotations

import re

import pytest

from cloudtest.acting import (
    Complaint,
    act,
    apt,
    complaint,
    debstack,
    dpkg_configure,
    inside,
    preseed,
    status,
)
from cloudtest.observing import assert_no_failed_unit, identity
from cloudtest.several import hand_over
from cloudtest.stages import METAPACKAGE, NodeMaker
from testbed import archive
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

#: Nothing here comes back by itself, so nothing is waited for for long.
_SOON = {"DEBSTACK_WAIT": "3"}
_WRONG, _RIGHT = "wr0ng-but-secret", "r1ght-and-secret"


@pytest.fixture
def unapplied(deferred: Node) -> Node:
    """A booted node with everything installed and nothing applied."""
    deferred.enter_chroot(["rm", "/var/lib/debstack/pending"])
    return deferred.boot()


def fails(node: Node, *arguments: str) -> Complaint:
    """Run apt-get with `arguments`, which has to fail by debstack alone; return what that says."""
    done = apt(node, *arguments, check=False, env=_SOON)
    assert done.code == 100, done.stdout
    said = complaint(done.stdout)
    assert len(said.errors) == 1, done.stdout
    assert len(said.hints) == 1, done.stdout
    assert "Traceback" not in done.stdout
    assert _WRONG not in done.stdout
    left = node.run(["dpkg", "--audit"]).stdout
    assert re.findall(r"^ (\S+)", left, re.M) == ["debstack"], left
    nothing_half_written(node)
    return said


def nothing_half_written(node: Node) -> None:
    """Check that no file of ours was left in the middle of writing it, and no service half-way."""
    find = ["find", "/etc", "/var/lib/debstack", "/root", "-xdev", "-name", "*debstack-new*"]
    assert act(node, *find).stdout == ""
    assert_no_failed_unit(node)
    assert node.run(["debstack", "status"], check=False).code == 3


def completes(node: Node) -> None:
    """Check that apply, and dpkg, now finish what was begun."""
    assert re.search(r"^debstack: done: ", debstack(node, "apply").stdout, re.M)
    assert status(node)["in-order"]
    assert re.search(r"^debstack: nothing to do: ", dpkg_configure(node).stdout, re.M)
    assert node.run(["dpkg", "--audit"]).stdout == ""


def test_mariadb_down(unapplied: Node) -> None:
    act(unapplied, "systemctl", "stop", "mariadb")
    said = fails(unapplied, "install", "--reinstall", "glance-api")
    assert "database:keystone/keystone" in said.errors[0]
    assert "database:glance/glance" in said.errors[0]
    assert "MariaDB: cannot be reached" in said.errors[0]
    assert "systemctl start mariadb" in said.hints[0]
    for unit in ("keystone", "glance-api"):
        assert act(unapplied, "systemctl", "is-active", unit, check=False).stdout == "inactive\n"
    act(unapplied, "systemctl", "start", "mariadb")
    completes(unapplied)


def test_mariadb_rejecting_the_password(unapplied: Node) -> None:
    make = f"GRANT ALL ON *.* TO 'boss'@'%' IDENTIFIED BY '{_RIGHT}' WITH GRANT OPTION"
    act(unapplied, "mariadb", input=make)
    remote = {
        "openstack/database": "mariadb",
        "openstack/database-host": "127.0.0.1",
        "openstack/database-admin-user": "boss",
    }
    preseed(unapplied, remote, {"openstack/database-admin-password": _WRONG})
    said = fails(unapplied, "install", "--reinstall", "debstack")
    assert said.errors[0].endswith("cannot log in to MariaDB at 127.0.0.1 as boss (1045)")
    assert said.hints[0].startswith("set openstack/database-admin-password in ")
    name = "openstack/database-admin-password"
    debstack(unapplied, "secrets", "set", name, input=f"{_RIGHT}\n")
    completes(unapplied)


def test_rabbitmq_down(unapplied: Node) -> None:
    act(unapplied, "systemctl", "stop", "rabbitmq-server")
    said = fails(unapplied, "install", "--reinstall", "glance-api")
    assert "messaging:rabbitmq: RabbitMQ" in said.errors[0]
    assert "systemctl start rabbitmq-server" in said.hints[0]
    act(unapplied, "systemctl", "start", "rabbitmq-server")
    completes(unapplied)


def test_disk_full_on_etc(unapplied: Node) -> None:
    archive.supply(["hello"])
    act(unapplied, "sh", "-ec", _FULL_ETC)
    apt(unapplied, "install", "hello")  # apt itself has room for what it does
    act(unapplied, "dpkg-trigger", "--by-package=debstack", "--no-await", "debstack-apply")
    said = fails(unapplied, "install", "--reinstall", "hello")
    assert re.search(r"/etc/\S+: cannot be written: No space left on device", said.errors[0])
    assert said.hints[0].startswith("free some space on the file system of /etc")
    act(unapplied, "rm", "/etc/filler")
    completes(unapplied)


#: Puts a small file system with a copy of /etc in its place, and fills it to the last byte.
_FULL_ETC = """
size=$(du --summarize --block-size=1K /etc | cut -f1)
mkdir /run/etc
mount -t tmpfs -o size=$((size * 2 + 4096))k tmpfs /run/etc
cp --archive /etc/. /run/etc
mount --bind /run/etc /etc
head --bytes=1G /dev/zero >/etc/filler 2>/dev/null || test -s /etc/filler
! echo x >/etc/too-much 2>/dev/null
rm /etc/too-much
"""


def test_an_unwritable_file(controller: Node) -> None:
    path = "/etc/glance/glance.conf.d/50-debstack.conf"
    before = controller.read_file(path)
    inside(controller, "immutable", "yes", path)
    preseed(controller, {"openstack/region": "Elsewhere"}, {})
    said = fails(controller, "install", "--reinstall", "debstack")
    assert f"{path}: cannot be written: Operation not permitted" in said.errors[0]
    assert f"immutable flag (lsattr) on {path}" in said.hints[0]
    assert controller.read_file(path) == before
    inside(controller, "immutable", "no", path)
    completes(controller)
    assert "\nregion_name = Elsewhere\n" in controller.read_file(path)
    assert {one.region for one in identity(controller).endpoints} == {"Elsewhere"}


def test_keystone_answering_503(controller: Node, make_node: NodeMaker) -> None:
    images = make_node("images", stage="debian", packages=[METAPACKAGE, "glance-api"]).boot()
    password = act(controller, "debstack", "secrets", "show", "openstack/admin-password").stdout
    preseed(images, {}, {"openstack/admin-password": password.strip()})
    hand_over(controller, images)
    act(controller, "systemctl", "stop", "keystone")
    url = f"https://{controller.address}:5000/v3"
    said = fails(images, "install", "glance-api")
    assert f"identity:catalogue: Keystone at {url}: does not serve now (" in said.errors[0]
    assert "openstack/identity-url" in said.hints[0]
    act(controller, "systemctl", "start", "keystone")
    completes(images)
    urls = identity(images).urls("image")
    assert urls["public"] == f"https://{images.address}:9292"
