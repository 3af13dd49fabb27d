# SPDX-License-Identifier: Apache-2.0
"""What is changed behind debstack's back: status shows it, plan tells it, apply repairs it."""

from __future__ import annotations

import pytest

from cloudtest.acting import act, debstack, openstack
from cloudtest.observing import Identity, fingerprint, identity, started, unsettled
from cloudtest.stages import NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]


@pytest.fixture(scope="module")
def cloud(make_module_node: NodeMaker) -> Node:
    """A whole cloud; each test leaves it in order."""
    node = make_module_node(stage="controller").boot()
    debstack(node, "apply")
    return node


def endpoint_id(found: Identity, service_type: str, interface: str) -> str:
    (one,) = [e for e in found.endpoints if (e.type, e.interface) == (service_type, interface)]
    return one.id


def nothing_to_do(node: Node) -> None:
    """The cloud is in order, and a further apply leaves all of it alone."""
    assert "nothing to do" in debstack(node, "apply").stdout
    assert unsettled(node) == {}


BREAK = """
set -eu
. /root/openrc
openstack user set --password changed glance
openstack endpoint delete "$1"
openstack endpoint set --url http://192.0.2.9:9292 "$2"
openstack endpoint create --region RegionOne image admin http://192.0.2.9:9292
rabbitmqctl -q delete_user glance
mariadb -e "ALTER USER glance@localhost IDENTIFIED BY 'changed'"
printf '[DEFAULT]\\ndebug = true\\n' >>/etc/glance/glance.conf.d/50-debstack.conf
chmod 0644 /root/.config/openstack/clouds.yaml
systemctl stop glance-api
"""

#: Step to what is said of each thing that BREAK breaks.
TOLD = {
    "identity:catalogue": [
        "set the password of user glance",
        "create internal endpoint of image",
        "change public endpoint of image",
        "delete a second admin endpoint of image",
    ],
    "messaging:rabbitmq": ["glance"],
    "database:glance/glance": ["change the password of database user glance@localhost"],
    "config:glance": ["write /etc/glance/glance.conf.d/50-debstack.conf"],
    "clouds:root": ["mode of /root/.config/openstack/clouds.yaml"],
    "unit:glance-api": ["start glance-api"],
}


def told_of(step: str, said: list[str]) -> None:
    for words in TOLD[step]:
        assert any(words in line for line in said), f"{step}: {words!r} is not in {said}"


def test_drift_is_shown_told_and_repaired(cloud: Node) -> None:
    before = identity(cloud)
    keystone_since = started(cloud, "keystone.service")
    lost = endpoint_id(before, "image", "internal")
    changed = endpoint_id(before, "image", "public")
    act(cloud, "sh", "-c", BREAK, "sh", lost, changed)

    broken = fingerprint(cloud)
    shown = debstack(cloud, "status", check=False)
    assert shown.code == 3
    found = unsettled(cloud)
    assert TOLD.keys() <= found.keys()
    for step in TOLD:
        told_of(step, found[step])
    planned = debstack(cloud, "plan", check=False).stdout
    for words in TOLD["identity:catalogue"]:
        assert words in planned
    assert fingerprint(cloud) == broken, "status and plan change nothing"

    debstack(cloud, "apply")
    nothing_to_do(cloud)
    after = identity(cloud)
    assert [e.url for e in after.endpoints] == [e.url for e in before.endpoints]
    assert endpoint_id(after, "image", "public") == changed, "changed in place"
    assert (after.users, after.services) == (before.users, before.services)
    assert "debug" not in cloud.read_file("/etc/glance/glance.conf.d/50-debstack.conf")
    assert started(cloud, "keystone.service") == keystone_since, "it reads nothing of that"
    openstack(cloud, "image", "list")


def test_the_administrators_own_password_is_set_right(cloud: Node) -> None:
    script = ". /root/openrc && openstack user set --password lost admin"
    # Keystone counts in seconds, and it depends on where in one the password is replaced.
    for _ in range(4):
        act(cloud, "sh", "-c", script)
        assert debstack(cloud, "status", check=False).code == 3
        told = unsettled(cloud)["identity:catalogue"]
        assert told == ["set the password of the cloud's administrator admin"]
        debstack(cloud, "apply")
        nothing_to_do(cloud)
    identity(cloud)


def test_a_new_public_host_changes_the_public_urls_alone(cloud: Node) -> None:
    before = identity(cloud)
    keystone_since = started(cloud, "keystone.service")
    debstack(cloud, "answers", "set", "openstack/public-host", "cloud.example.org")
    debstack(cloud, "apply")
    after = identity(cloud)
    assert after.urls("image")["public"] == "https://cloud.example.org:9292"
    assert after.urls("identity")["public"] == "https://cloud.example.org:5000/v3"
    assert [e.id for e in after.endpoints] == [e.id for e in before.endpoints]
    for old, new in zip(before.endpoints, after.endpoints, strict=True):
        assert old.interface == "public" or old == new
    assert started(cloud, "keystone.service") == keystone_since
    nothing_to_do(cloud)
    debstack(cloud, "answers", "set", "openstack/public-host", "")
    debstack(cloud, "apply")
    nothing_to_do(cloud)
    assert identity(cloud) == before


FOREIGN = """
set -eu
. /root/openrc
openstack region create Theirs
openstack endpoint create --region Theirs image public "$1"
"""


def test_a_new_region_moves_our_endpoints_alone(cloud: Node) -> None:
    url = identity(cloud).urls("image")["public"]
    act(cloud, "sh", "-c", FOREIGN, "sh", url)
    before = identity(cloud)
    (foreign,) = [e for e in before.endpoints if e.region == "Theirs"]
    ours = sorted((e.type, e.interface, e.url) for e in before.endpoints if e != foreign)
    debstack(cloud, "answers", "set", "openstack/region", "Lyon")
    planned = debstack(cloud, "plan", check=False).stdout
    assert f"create public endpoint of image: {url}" in planned
    assert f"delete public endpoint of image in region RegionOne: {url}" in planned
    assert identity(cloud) == before, "plan changes nothing"
    debstack(cloud, "apply")
    nothing_to_do(cloud)
    after = identity(cloud)
    assert foreign in after.endpoints
    moved = [(e.type, e.interface, e.url) for e in after.endpoints if e.region == "Lyon"]
    assert sorted(moved) == ours
    assert len(after.endpoints) == len(before.endpoints)
    regions = openstack(cloud, "region", "list", "-f", "value", "-c", "Region").split()
    assert sorted(regions) == ["Lyon", "Theirs"]
    for path in ("/root/openrc", "/root/.config/openstack/clouds.yaml"):
        text = cloud.read_file(path)
        assert "Lyon" in text
        assert "RegionOne" not in text
    openstack(cloud, "image", "list")
    openstack(cloud, "endpoint", "delete", foreign.id)
    openstack(cloud, "region", "delete", "Theirs")
    debstack(cloud, "answers", "set", "openstack/region", "")
    debstack(cloud, "apply")
    nothing_to_do(cloud)


def broker_addresses(node: Node) -> set[str]:
    """Return where the ports of Erlang's port mapper and of RabbitMQ's own tools are open."""
    shown = act(node, "ss", "--listening", "--tcp", "--numeric", "--no-header").stdout
    places = [line.split()[3] for line in shown.splitlines()]
    found = {place for place in places if place.rpartition(":")[2] in ("4369", "25672")}
    assert len({place.rpartition(":")[2] for place in found}) == 2, shown
    return {place.rpartition(":")[0] for place in found}


def test_what_only_the_brokers_tools_use_is_open_where_its_name_leads(cloud: Node) -> None:
    assert broker_addresses(cloud) == {"127.0.0.1", cloud.address}
    hosts = cloud.read_file("/etc/hosts")
    # As Debian's installer writes it.
    act(cloud, "sed", "-i", f"1i 127.0.1.1 {cloud.name}", "/etc/hosts")
    debstack(cloud, "apply")
    nothing_to_do(cloud)
    assert broker_addresses(cloud) == {"127.0.0.1", "127.0.1.1"}
    assert "glance" in act(cloud, "rabbitmqctl", "-q", "list_users").stdout
    act(cloud, "tee", "/etc/hosts", input=hosts)
    debstack(cloud, "apply")
    nothing_to_do(cloud)
    assert broker_addresses(cloud) == {"127.0.0.1", cloud.address}


def test_doctor_finds_a_misspelt_key(cloud: Node) -> None:
    path = "/etc/glance/glance.conf.d/90-local.conf"
    good = debstack(cloud, "doctor", check=False).stdout
    assert path not in good
    cloud.write_file(path, "[oslo_messaging_rabbit]\nrabbit_quorum_queues = true\n")
    found = debstack(cloud, "doctor", check=False)
    assert path in found.stdout
    assert "rabbit_quorum_queues" in found.stdout
    assert '"rabbit_quorum_queue"' in found.stdout, "what was meant"
    act(cloud, "rm", path)
    debstack(cloud, "apply")
    nothing_to_do(cloud)
