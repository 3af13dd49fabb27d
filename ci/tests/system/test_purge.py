# SPDX-License-Identifier: Apache-2.0
"""Removing keeps data, purging asks, and with "yes" nothing of ours is left.

One machine lives through all of it: the tests of this file run in order.
"""

from __future__ import annotations

from typing import Any

import pytest

from cloudtest.acting import act, apt, debstack, openstack
from cloudtest.leftovers import from_pool, inventory, left, ours, want_all_deleted
from cloudtest.observing import identity, started
from cloudtest.stages import METAPACKAGE, STAGE_NODE, NodeMaker
from cloudtest.terminal import Person
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

GLANCE = ("glance-api", "glance-common", "python3-glance")
QUESTION = "Delete the data of this service?"
IMAGE = "kept"
_MAKE_DATA = """
set -eu
. /root/openrc
openstack project create kept -f value -c id
head -c 100000 /dev/urandom >/root/image
openstack image create --disk-format raw --container-format bare --file /root/image kept
"""


def image_is_there(node: Node) -> None:
    """The image that was made at the beginning can be downloaded, and is the same."""
    act(node, "rm", "-f", "/root/copy")
    openstack(node, "image", "save", "--file", "/root/copy", IMAGE)
    act(node, "cmp", "/root/image", "/root/copy")


@pytest.fixture(scope="module")
def node(make_module_node: NodeMaker) -> Node:
    """A machine with the servers and libraries of Debian that our packages need, none of ours."""
    return make_module_node(STAGE_NODE, stage="debian-servers").boot()


@pytest.fixture(scope="module")
def before(node: Node) -> dict[str, Any]:
    """What was on the machine before anything of ours was; ours is installed now, with data."""
    libraries = from_pool(node)
    if libraries:  # Debian's own, which ours are newer than
        apt(node, "install", *libraries)
    found = inventory(node)
    apt(node, "install", METAPACKAGE)
    act(node, "sh", "-c", _MAKE_DATA)
    return found


def test_remove_keeps_data_and_reinstall_finds_them(node: Node, before: dict[str, Any]) -> None:
    kept = "cat /etc/debstack/* /etc/keystone/*-keys/* | sha256sum"
    digest = act(node, "sh", "-c", kept).stdout
    apt(node, "remove", *ours(node, before))
    for unit in ("keystone.service", "glance-api.service"):
        assert not started(node, unit)
    after = inventory(node)
    assert {"keystone", "glance"} <= set(after["databases"])
    assert any(path.startswith("/var/lib/glance/images/") for path in after["files"])
    assert act(node, "sh", "-c", kept).stdout == digest
    apt(node, "install", METAPACKAGE)
    assert act(node, "sh", "-c", kept).stdout == digest
    image_is_there(node)
    assert "nothing to do" in debstack(node, "apply").stdout


def test_purge_of_glance_asks_and_takes_it_out_of_the_cloud(
    node: Node, before: dict[str, Any]
) -> None:
    person = Person(node, ["apt-get", "purge", "-y", *GLANCE])
    order = person.answers_all({QUESTION: "yes"}, [QUESTION])
    assert person.exit_code() == 0, person.screen()
    assert order == [QUESTION], "asked once"
    after = inventory(node)
    assert "glance" not in after["databases"]
    assert "glance@localhost" not in after["database users"]
    assert not any(
        line.startswith("glance") for kind in ("users", "vhosts") for line in after[kind]
    )
    assert not any(line.startswith("glance") for line in after["brokers"])
    new = after["files"].keys() - before["files"].keys()
    # openstack-preseeds, which stays, knows every component of the series.
    others = "/usr/share/debstack/series/"
    glances = [path for path in new if "glance" in path.lower() and not path.startswith(others)]
    assert not glances
    found = identity(node)
    assert "glance" not in found.users
    assert found.services == [["identity", "keystone"]]
    assert "kept" in found.projects
    assert "nothing to do" in debstack(node, "apply").stdout


def test_purge_without_data_keeps_them(node: Node, before: dict[str, Any]) -> None:
    keys = "cat /etc/keystone/*-keys/* | sha256sum"
    digest = act(node, "sh", "-c", keys).stdout
    apt(node, "purge", "keystone", "python3-keystone")
    assert "keystone" in inventory(node)["databases"]
    assert act(node, "sh", "-c", keys).stdout == digest
    apt(node, "install", METAPACKAGE)
    found = identity(node)
    assert "kept" in found.projects
    assert "glance" in found.users
    assert act(node, "sh", "-c", keys).stdout == digest
    openstack(node, "image", "list")
    assert "nothing to do" in debstack(node, "apply").stdout


def test_purge_with_data_leaves_nothing(node: Node, before: dict[str, Any]) -> None:
    want_all_deleted(node)
    apt(node, "purge", *ours(node, before))
    act(node, "sh", "-c", "rm -f /root/image /root/copy; systemctl daemon-reload")
    assert left(before, inventory(node)) == {}
    assert "openstack/" not in act(node, "sh", "-c", "cat /var/cache/debconf/config.dat").stdout


def test_purge_works_when_servers_and_debstack_are_gone(node: Node, before: dict[str, Any]) -> None:
    apt(node, "install", "keystone", "glance-api")
    want_all_deleted(node)
    apt(node, "purge", "mariadb-server", "mariadb-server-core")
    shown = apt(node, "purge", "keystone", "python3-keystone", *GLANCE).stdout
    assert "keystone: left database keystone and its user" in shown
    apt(node, "install", "keystone")  # on SQLite, by now
    identity(node)
    act(node, "dpkg", "--purge", "--force-depends", "debstack", "python3-debstack")
    unattended = {"DEBIAN_FRONTEND": "noninteractive"}
    shown = act(node, "dpkg", "--purge", "keystone", env=unattended).stdout
    assert "left as they are: database keystone" in shown
    assert act(node, "dpkg", "--audit").stdout == ""
