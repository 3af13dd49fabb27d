# SPDX-License-Identifier: Apache-2.0
"""Heat on an all-in-one: the templates that it ships come up, change, and go without a trace.

One machine lives through all of it: the tests of this file run in order.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cloudtest import groundwork, virtual
from cloudtest.acting import act, apt, debstack, inside, openstack, openstack_json
from cloudtest.leftovers import inventory, left, want_all_deleted
from cloudtest.observing import assert_no_failed_unit, identity, started, unsettled
from cloudtest.people import member, remove_member
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from testbed.machine import wait_until
from testbed.node import Node

# Long: minutes more than there are in make test.
pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

DAEMONS = ("heat-api", "heat-api-cfn", "heat-engine")
EXAMPLES = "/usr/share/doc/heat-common/examples"
SAID = "said by the test"
_STACK_TIMEOUT_S = 600.0
#: What a stack of servers.yaml has, by the client's name of its kind.
_KINDS = ("server", "port", "network", "router", "volume", "floating ip", "security group")
#: Not Heat's: what the first volume and the first removal of any package leave, and the note of the
#: compute nodes that there are, which a timer makes for the first time when it likes.
_OTHERS = {"/etc/nvme", "/var/lib/debstack/compute-nodes.json", "/var/lib/debstack/removed"}
#: Where the cloud's other services put files at any time.
_RESTLESS = tuple(
    f"/var/lib/{name}/" for name in ("cinder", "glance", "libvirt", "neutron", "nova")
)


@pytest.fixture(scope="module")
def machine(make_module_node: NodeMaker, repository: Path) -> Node:
    """An all-in-one with what Heat needs of Debian, without Heat."""
    needed = {name for daemon in DAEMONS for name in groundwork.needed(repository, daemon)}
    node = make_module_node(stage="all-in-one", packages=[ALL_IN_ONE, *DAEMONS]).boot()
    virtual.await_cloud(node)
    apt(node, "install", *sorted(needed))
    return node


@pytest.fixture(scope="module")
def before(machine: Node) -> dict[str, Any]:
    """What was there before Heat: on the machine, and in the cloud."""
    return {"machine": inventory(machine), "cloud": things(machine), "in Keystone": told(machine)}


@pytest.fixture(scope="module")
def cloud(machine: Node, before: dict[str, Any]) -> Node:
    """The all-in-one after apt-get install heat-api heat-api-cfn heat-engine."""
    apt(machine, "install", *DAEMONS)
    return machine


@pytest.fixture(scope="module")
def person(cloud: Node) -> dict[str, str]:
    """The environment of somebody who is a member of a project, and nothing else."""
    return member(cloud, "person", "workshop")


def things(node: Node) -> dict[str, list[str]]:
    """Return the IDs of all that a stack can leave in the cloud, by kind."""
    found = {}
    for kind in _KINDS:
        rows = openstack_json(node, *kind.split(), "list", *_everything(kind))
        # Neutron gives each project a security group "default" when it first hears of it: the
        # project of the services too, here by what Nova asks it.
        found[kind] = sorted(row["ID"] for row in rows if row.get("Name") != "default")
    return found


def _everything(kind: str) -> list[str]:
    return ["--all-projects"] if kind in ("server", "volume") else []


def told(node: Node) -> dict[str, Any]:
    """Return what is in Keystone of what Heat makes for stacks, or needs itself."""
    found = identity(node)
    return {
        "users": sorted(found.users),
        "roles": sorted(found.roles),
        "services": sorted(map(tuple, found.services)),
        "domains": sorted(row["Name"] for row in openstack_json(node, "domain", "list")),
        "trusts": openstack_json(node, "trust", "list"),
        "credentials": openstack_json(node, "credential", "list"),
    }


def stack(node: Node, name: str) -> Any:
    """Return the stack `name` of the administrator."""
    return openstack_json(node, "stack", "show", name)


def output(node: Node, name: str, key: str) -> str:
    """Return an output of a stack of the administrator."""
    value: str = openstack_json(node, "stack", "output", "show", name, key)["output_value"]
    return value


def engines(node: Node) -> list[str]:
    """Return the state of each process of the engine, as it says itself in the database."""
    listed = act(node, "runuser", "--user", "heat", "--", "heat-manage", "service", "list").stdout
    rows = [line.split() for line in listed.splitlines()]
    return [row[5] for row in rows if row[1:2] == ["heat-engine"]]


def test_it_is_installed_in_order_and_a_second_apply_does_nothing(cloud: Node) -> None:
    assert unsettled(cloud) == {}
    assert "nothing to do" in debstack(cloud, "apply").stdout
    assert all(started(cloud, f"{daemon}.service") for daemon in DAEMONS)
    assert_no_failed_unit(cloud)
    act(cloud, "runuser", "--user", "heat", "--", "heat-status", "upgrade", "check")
    # The processes below the engine's master, which is there without them.
    wait_until(lambda: engines(cloud) == ["up", "up"], timeout_s=60, interval_s=1, what="engines")
    versions = act(cloud, "dpkg-query", "--show", "--showformat=${Version}\\n", "*heat*").stdout
    assert len({line for line in versions.splitlines() if "26." in line}) == 1


def test_every_option_that_is_written_is_known_and_the_schema_is_upstreams(cloud: Node) -> None:
    assert inside(cloud, "configuration")["wrong"] == []
    found = inside(cloud, "schemas", timeout_s=600)
    assert {name: found[name] for name in found if name.startswith("heat")} == {
        "heat in use": [],
        "heat migrated": [],
        "heat loaded": [],
    }


def test_nobody_but_the_domains_administrator_has_the_role_admin(cloud: Node) -> None:
    assert "heat" in told(cloud)["domains"]
    rows = openstack_json(cloud, "role", "assignment", "list", "--names")
    assert {
        (row["User"], row["Role"], row["Project"], row["Domain"])
        for row in rows
        if row["User"].startswith("heat")
    } == {
        ("heat@Default", "service", "service@Default", ""),
        ("heat_domain_admin@heat", "admin", "", "heat"),
    }


def test_a_member_makes_a_stack_that_is_told_to_be_complete(
    cloud: Node, person: dict[str, str]
) -> None:
    def command(*arguments: str) -> str:
        argv = ["openstack", "stack", *arguments]
        return cloud.run(argv, env=person, secrets=[person["OS_PASSWORD"]]).stdout

    def client(*arguments: str) -> Any:
        return json.loads(command(*arguments, "--format", "json"))

    client("create", "--template", f"{EXAMPLES}/wait-for-signal.yaml", "waiting")

    def signal_url() -> str:
        made = client("output", "show", "waiting", "signal_url")
        return made["output_value"] or ""

    wait_until(lambda: bool(signal_url()), timeout_s=60, interval_s=1, what="the signal's URL")
    url = signal_url()
    assert url.startswith(identity(cloud).urls("cloudformation")["public"] + "/waitcondition/")
    assert client("show", "waiting")["stack_status"] == "CREATE_IN_PROGRESS"
    assert inside(cloud, "signal_stack", url, SAID) == {"forged": 403, "signed": 200}
    wait_until(
        lambda: client("show", "waiting")["stack_status"] == "CREATE_COMPLETE",
        timeout_s=60,
        interval_s=1,
        what="the stack",
    )
    assert SAID in client("output", "show", "waiting", "said")["output_value"]
    assert len(openstack_json(cloud, "user", "list", "--domain", "heat")) == 2
    command("delete", "--yes", "--wait", "waiting")
    users = openstack_json(cloud, "user", "list", "--domain", "heat")
    assert [row["Name"] for row in users] == ["heat_domain_admin"]
    assert openstack_json(cloud, "project", "list", "--domain", "heat") == []


def test_a_stack_of_everything_comes_up(cloud: Node) -> None:
    given = {"image": "demo", "flavor": "demo", "key": "demo", "external_network": "external"}
    parameters = [f"--parameter={name}={value}" for name, value in given.items()]
    create = ["stack", "create", "--wait", "--template", f"{EXAMPLES}/servers.yaml"]
    openstack(cloud, *create, *parameters, "all", timeout_s=_STACK_TIMEOUT_S)
    assert stack(cloud, "all")["stack_status"] == "CREATE_COMPLETE"
    servers = openstack_json(cloud, "server", "list")
    assert [row["Status"] for row in servers] == ["ACTIVE", "ACTIVE"]
    assert output(cloud, "all", "address") in str(servers)
    volume = openstack_json(cloud, "volume", "show", output(cloud, "all", "volume"))
    assert (volume["status"], volume["size"]) == ("in-use", 1)


def test_it_changes_what_has_to_change_and_no_more(cloud: Node) -> None:
    # The guest has to run before it lets go of a disk.
    (first,) = [
        row
        for row in openstack_json(cloud, "stack", "resource", "list", "all")
        if row["resource_name"] == "first"
    ]
    server = first["physical_resource_id"]
    wait_until(
        lambda: "guest: ready" in openstack(cloud, "console", "log", "show", server),
        timeout_s=300,
        interval_s=2,
        what="the first server",
    )
    there = things(cloud)
    update = ["stack", "update", "--wait", "--existing", "all"]
    changes = {"purpose": "changed", "open_port": "8080", "volume_size": "2"}
    parameters = [f"--parameter={name}={value}" for name, value in changes.items()]
    openstack(cloud, *update, *parameters, timeout_s=_STACK_TIMEOUT_S)
    assert stack(cloud, "all")["stack_status"] == "UPDATE_COMPLETE"
    assert things(cloud) == there, "replaced"
    assert openstack_json(cloud, "server", "show", server)["properties"]["purpose"] == "changed"
    volume = openstack_json(cloud, "volume", "show", output(cloud, "all", "volume"))
    assert (volume["status"], volume["size"]) == ("in-use", 2)
    rules = openstack_json(cloud, "security", "group", "rule", "list")
    assert {"8080:8080"} == {row["Port Range"] for row in rules} - {"", "22:22"}


def test_it_goes_without_a_trace(cloud: Node, before: dict[str, Any]) -> None:
    openstack(cloud, "stack", "delete", "--yes", "--wait", "all", timeout_s=_STACK_TIMEOUT_S)
    assert openstack_json(cloud, "stack", "list") == []
    assert things(cloud) == before["cloud"]
    now = told(cloud)
    assert now["trusts"] == before["in Keystone"]["trusts"]
    assert now["credentials"] == before["in Keystone"]["credentials"]


def test_purge_leaves_nothing(cloud: Node, person: dict[str, str], before: dict[str, Any]) -> None:
    remove_member(cloud, person)
    want_all_deleted(cloud)
    # The client of Aodh is one that Heat alone brings.
    apt(cloud, "purge", *DAEMONS, "heat-common", "python3-heat", "python3-aodhclient")
    act(cloud, "systemctl", "daemon-reload")
    assert told(cloud) == before["in Keystone"]
    difference = left(before["machine"], inventory(cloud))
    files = difference.pop("files", {"gone": [], "new": []})
    assert difference == {}
    new = {path for path, _ in files["new"] if not path.startswith(_RESTLESS)}
    assert new - _OTHERS == set()
    assert "nothing to do" in debstack(cloud, "apply").stdout
