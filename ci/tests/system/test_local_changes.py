# SPDX-License-Identifier: Apache-2.0
"""What the administrator changed stays, wins, and is never asked about."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from cloudtest.acting import act, apt, debstack, inside, openstack
from cloudtest.observing import started
from cloudtest.repacking import next_versions
from cloudtest.stages import NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

LOCAL = "/etc/keystone/keystone.conf.d/90-local.conf"
LOCAL_INI = "/etc/keystone/keystone-uwsgi.d/90-local.ini"
OWN = "/etc/keystone/keystone.conf"
#: What dpkg says when it has to choose between two versions of a file.
PROMPT = ("Configuration file", "*** ")


@pytest.fixture(scope="module")
def cloud(make_module_node: NodeMaker) -> Node:
    """A whole cloud with local changes of all kinds, applied."""
    node = make_module_node(stage="controller").boot()
    debstack(node, "apply")
    node.write_file(LOCAL, "[token]\nexpiration = 7200\n")
    node.write_file(LOCAL_INI, "[uwsgi]\nprocesses = 3\n")
    node.write_file(OWN, f"{node.read_file(OWN)}\n[identity]\nmax_db_limit = 77\n")
    act(node, "systemctl", "mask", "--now", "glance-api.service")
    debstack(node, "apply")
    return node


def token_lifetime_s(node: Node) -> float:
    """How long the running Keystone lets a token live."""
    times = inside(node, "token")
    issued, expires = (datetime.fromisoformat(times[key]) for key in ("issued", "expires"))
    return (expires - issued).total_seconds()


def keystone_processes(node: Node) -> int:
    """How many worker processes the running Keystone has."""
    found = act(node, "systemctl", "status", "--lines=0", "--full", "keystone.service").stdout
    return sum("uWSGI worker" in line for line in found.splitlines())


def changes_hold(node: Node) -> None:
    assert 7199 <= token_lifetime_s(node) <= 7201
    assert keystone_processes(node) == 3
    assert node.read_file(LOCAL) == "[token]\nexpiration = 7200\n"
    assert "max_db_limit = 77" in node.read_file(OWN)
    show = ["systemctl", "show", "--value", "--property=LoadState,ActiveState", "glance-api"]
    assert act(node, *show).stdout.split() == ["masked", "inactive"]


def test_local_changes_win_in_the_running_service(cloud: Node) -> None:
    changes_hold(cloud)
    assert "nothing to do" in debstack(cloud, "apply").stdout


def test_they_survive_reconfigure_and_reinstall(cloud: Node) -> None:
    environment = {"DEBIAN_FRONTEND": "noninteractive"}
    act(cloud, "dpkg-reconfigure", "keystone", env=environment, timeout_s=300)
    changes_hold(cloud)
    apt(cloud, "install", "--reinstall", "keystone", "debstack", "glance-api")
    changes_hold(cloud)


def test_upgrade_keeps_them_and_restarts_what_changed_alone(
    cloud: Node, repository: Path, tmp_path: Path
) -> None:
    act(cloud, "systemctl", "unmask", "glance-api.service")
    debstack(cloud, "apply")
    units = ("glance-api", "keystone", "mariadb", "rabbitmq-server", "memcached")
    before = {unit: started(cloud, f"{unit}.service") for unit in units}
    assert all(before.values())
    for deb in next_versions(repository, ["keystone", "python3-keystone"], tmp_path):
        cloud.copy_in(deb, f"/root/{deb.name}")
    debs = ["/root/keystone_next.deb", "/root/python3-keystone_next.deb"]
    shown = act(cloud, "apt-get", "install", "-y", *debs, timeout_s=300).stdout
    assert not any(words in shown for words in PROMPT), shown
    assert "+next" in act(cloud, "dpkg-query", "--show", "keystone").stdout
    after = {unit: started(cloud, f"{unit}.service") for unit in units}
    assert [unit for unit in units if before[unit] != after[unit]] == ["keystone"]
    assert keystone_processes(cloud) == 3
    assert 7199 <= token_lifetime_s(cloud) <= 7201
    assert "max_db_limit = 77" in cloud.read_file(OWN)
    openstack(cloud, "image", "list")
    assert "nothing to do" in debstack(cloud, "apply").stdout
