# SPDX-License-Identifier: Apache-2.0
"""Metering and alarms on an all-in-one: what was used is what is told.

One machine lives through all of it: the tests of this file run in order.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from cloudtest import groundwork, metering, virtual
from cloudtest.acting import INSIDE, act, apt, debstack, inside, openstack, openstack_json
from cloudtest.leftovers import inventory, left, want_all_deleted
from cloudtest.observing import (
    assert_no_failed_unit,
    assert_no_stumble,
    identity,
    restarted,
    started,
    unsettled,
)
from cloudtest.people import member, remove_member
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from testbed.machine import wait_until
from testbed.node import Node

# Long: minutes more than there are in make test.
pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

STORE = ("gnocchi-api", "gnocchi-metricd")
ALARMS = ("aodh-api", "aodh-evaluator", "aodh-listener", "aodh-notifier")
DAEMONS = (*STORE, *ALARMS, *metering.AGENTS)
COMMON = ("aodh-common", "ceilometer-common", "gnocchi-common")
MODULES = ("python3-aodh", "python3-ceilometer", "python3-gnocchi")
#: Libraries of ours that nothing else on an all-in-one needs.
LIBRARIES = ("python3-aodhclient", "python3-observabilityclient")
#: Who sends notifications on an all-in-one, by the file that says so.
SENDERS = ("nova", "neutron", "cinder", "glance", "keystone")
#: Seconds between two measurements in these tests, and how exact Gnocchi is.
STEP_S = 10
LIFE_S = 60
_SETTLING_S = 3 * STEP_S + 20
VOLUME_GIB = 3
_PORT = "8123"
_CALLS = "/run/calls"
_RESTLESS = tuple(
    f"/var/lib/{name}/" for name in ("cinder", "glance", "keystone", "libvirt", "neutron", "nova")
)
#: Of a library that was there in Debian's version, and stays in ours: python3-openstacksdk.
_UPGRADED = (
    "/usr/lib/python3/dist-packages/openstack/",
    "/usr/lib/python3/dist-packages/openstacksdk-",
    "/usr/share/doc/python3-openstacksdk/",
    "/usr/share/man/man1/openstack-inventory.1.gz",
)
#: What the first volume, the first look at compute nodes and the first removal of any package
#: leave, which are not of these.
_OTHERS = {"/etc/nvme", "/var/lib/debstack/compute-nodes.json", "/var/lib/debstack/removed"}


@pytest.fixture(scope="module")
def machine(make_module_node: NodeMaker, repository: Path) -> Node:
    """An all-in-one with what these packages need of Debian, without them."""
    needed = {
        name for package in metering.PACKAGES for name in groundwork.needed(repository, package)
    }
    node = make_module_node(stage="all-in-one", packages=[ALL_IN_ONE, *metering.PACKAGES]).boot()
    virtual.await_cloud(node)
    apt(node, "install", *sorted(needed))
    return node


@pytest.fixture(scope="module")
def before(machine: Node) -> dict[str, Any]:
    """What was there before: on the machine, in Keystone, at the broker."""
    return {"machine": inventory(machine), "told": told(machine)}


@pytest.fixture(scope="module")
def store(machine: Node, before: dict[str, Any]) -> Node:
    """The all-in-one with Gnocchi."""
    apt(machine, "install", *STORE, "python3-gnocchiclient")
    return machine


@pytest.fixture(scope="module")
def cloud(store: Node) -> Node:
    """The all-in-one with everything, which measures more often than it would by itself."""
    metering.keep_each(store, STEP_S)
    metering.quicken(store)
    apt(store, "install", *metering.PACKAGES)
    metering.measure_each(store, STEP_S)
    return store


@pytest.fixture(scope="module")
def person(cloud: Node) -> dict[str, str]:
    """The environment of somebody who is a member of a project, and nothing else."""
    return member(cloud, "person", "workshop")


@pytest.fixture(scope="module")
def receiver(cloud: Node) -> str:
    """The URL of something that notes what is posted to it, one line for each time."""
    cloud.copy_in(INSIDE / "receive.py", "/run/receive.py")
    run = ["systemd-run", "--unit=receiver", "python3", "/run/receive.py", _PORT, _CALLS]
    act(cloud, *run)
    return f"http://127.0.0.1:{_PORT}/called"


def calls(node: Node) -> list[dict[str, Any]]:
    """Return what has been posted to the receiver."""
    lines = act(node, "sh", "-c", f"cat {_CALLS} 2>/dev/null || true").stdout.splitlines()
    return [json.loads(line) for line in lines]


def told(node: Node) -> dict[str, Any]:
    """Return what is in Keystone and at the broker of what these packages may make."""
    found = identity(node)
    hosts = act(node, "rabbitmqctl", "--quiet", "list_vhosts", "name", "--no-table-headers").stdout
    users = act(node, "rabbitmqctl", "--quiet", "list_users", "--no-table-headers").stdout
    return {
        "users": sorted(found.users),
        "roles": sorted(found.roles),
        "services": sorted(map(tuple, found.services)),
        "domains": sorted(row["Name"] for row in openstack_json(node, "domain", "list")),
        "virtual hosts": sorted(hosts.split()),
        "accounts": sorted(line.split("\t")[0] for line in users.splitlines()),
    }


def aggregate(node: Node, kind: str, operation: str, search: str, step_s: int = STEP_S) -> float:
    """Return what the documented command says in hours: the sum over resources and over time."""
    whole = f"(resample sum 3155760000 (aggregate sum {operation}))"
    command = ["metric", "aggregates", "--resource-type", kind, "--granularity", str(step_s)]
    rows = openstack_json(node, *command, "--fill", "0", whole, search)
    return float(sum(row["value"] for row in rows)) * step_s / 3600


def bill(node: Node, project: str) -> dict[str, float]:
    """Return what the command of the documentation says: vCPU-hours and gigabyte-hours by type."""
    whole = "(resample sum 3155760000 (aggregate sum (metric (vcpus mean) (volume.size mean))))"
    command = ["metric", "aggregates", "--resource-type", "generic", "--groupby", "type"]
    command += ["--granularity", str(STEP_S), "--fill", "0"]
    rows = openstack_json(node, *command, whole, f"project_id='{project}'")
    return {row["group"].removeprefix("type: "): row["value"] * STEP_S / 3600 for row in rows}


def test_gnocchi_is_installed_in_order_and_a_second_apply_does_nothing(store: Node) -> None:
    assert unsettled(store) == {}
    assert "nothing to do" in debstack(store, "apply").stdout
    assert all(started(store, f"{daemon}.service") for daemon in STORE)
    names = {row["name"] for row in openstack_json(store, "metric", "archive-policy", "list")}
    assert names == {"bool", "high", "low", "medium"}


def test_measures_come_back_as_aggregates(store: Node) -> None:
    create = ["metric", "create", "--archive-policy-name", "high", "length"]
    metric = openstack_json(store, *create)["id"]
    measures = ["--measure", "2026-01-01T00:00:00@1", "--measure", "2026-01-01T00:00:30@3"]
    openstack(store, "metric", "measures", "add", *measures, metric)
    show = ["metric", "measures", "show", "--refresh", "--aggregation", "mean", metric]
    found = {row["granularity"]: row["value"] for row in openstack_json(store, *show)}
    assert (found[60.0], found[3600.0]) == (2.0, 2.0)
    count = f"(aggregate count (metric {metric} mean))"
    rows = openstack_json(store, "metric", "aggregates", "--granularity", "60", count)
    assert [row["value"] for row in rows] == [1]
    openstack(store, "metric", "delete", metric)


def test_without_ceilometer_no_service_sends_notifications(store: Node) -> None:
    for name in SENDERS:
        text = act(store, "cat", f"/etc/{name}/{name}.conf.d/50-debstack.conf").stdout
        assert "[oslo_messaging_notifications]" not in text


def test_all_is_installed_in_order_and_a_second_apply_does_nothing(cloud: Node) -> None:
    assert unsettled(cloud) == {}
    was = {daemon: started(cloud, f"{daemon}.service") for daemon in DAEMONS}
    assert "nothing to do" in debstack(cloud, "apply").stdout
    assert all(was.values())
    assert {daemon: started(cloud, f"{daemon}.service") for daemon in DAEMONS} == was
    assert_no_failed_unit(cloud)
    for user, program in (("aodh", "aodh-status"), ("ceilometer", "ceilometer-status")):
        act(cloud, "runuser", "--user", user, "--", program, "upgrade", "check")


def test_every_option_that_is_written_is_known_and_the_schema_is_upstreams(cloud: Node) -> None:
    assert inside(cloud, "configuration")["wrong"] == []
    found = inside(cloud, "schemas", timeout_s=600)
    assert {name: found[name] for name in found if name.startswith("aodh")} == {
        "aodh in use": [],
        "aodh migrated": [],
        "aodh loaded": [],
    }


def test_every_service_sends_notifications_and_the_compute_agent_has_no_account(
    cloud: Node,
) -> None:
    for name in SENDERS:
        text = act(cloud, "cat", f"/etc/{name}/{name}.conf.d/50-debstack.conf").stdout
        assert "[oslo_messaging_notifications]\ndriver = messagingv2\n" in text, name
    text = act(cloud, "cat", "/etc/ceilometer/ceilometer.conf.d/50-debstack.conf").stdout
    assert "service_credentials" not in text
    rows = openstack_json(cloud, "role", "assignment", "list", "--names")
    assert {
        (row["User"], row["Role"], row["Project"])
        for row in rows
        if row["User"].startswith(("aodh", "ceilometer", "gnocchi"))
    } == {
        ("aodh@Default", "admin", "service@Default"),
        ("aodh@Default", "service", "service@Default"),
        ("ceilometer@Default", "service", "service@Default"),
        ("ceilometer-central@Default", "admin", "service@Default"),
        ("ceilometer-central@Default", "service", "service@Default"),
        ("gnocchi@Default", "service", "service@Default"),
    }


def test_an_alarm_on_a_metric_calls_a_url(
    cloud: Node, person: dict[str, str], receiver: str
) -> None:
    def client(*arguments: str) -> Any:
        argv = ["openstack", *arguments, "--format", "json"]
        return json.loads(cloud.run(argv, env=person, secrets=[person["OS_PASSWORD"]]).stdout)

    create = ["metric", "create", "--archive-policy-name", "high", "load"]
    metric = client(*create)["id"]
    rule = ["--type", "gnocchi_aggregation_by_metrics_threshold", "--metric", metric]
    rule += ["--aggregation-method", "mean", "--granularity", "60", "--threshold", "10"]
    rule += ["--comparison-operator", "gt", "--alarm-action", receiver, "--ok-action", receiver]
    alarm = client("alarm", "create", "--name", "loaded", *rule)["alarm_id"]
    # One on resources, for which Aodh has to ask Keystone more than a member may.
    other = ["--type", "gnocchi_aggregation_by_resources_threshold", "--resource-type", "instance"]
    other += ["--metric", "vcpus", "--aggregation-method", "mean", "--threshold", "1000"]
    client("alarm", "create", "--name", "many", *other, "--query", '{"!=": {"host": "x"}}')

    def go_to(state: str, value: int) -> None:
        def reached() -> bool:
            now = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
            add = ["openstack", "metric", "measures", "add", "--measure", f"{now}@{value}", metric]
            cloud.run(add, env=person, secrets=[person["OS_PASSWORD"]])
            return calls(cloud)[-1:] != [] and calls(cloud)[-1]["current"] == state

        wait_until(reached, timeout_s=240, interval_s=3, what=f"the alarm to say {state}")

    go_to("alarm", 42)
    assert calls(cloud)[-1]["alarm_id"] == alarm
    for name in ("loaded", "many"):
        cloud.run(["openstack", "alarm", "delete", "--name", name], env=person)
    cloud.run(["openstack", "metric", "delete", metric], env=person)


def test_an_alarm_on_an_event_calls_a_url(cloud: Node, receiver: str) -> None:
    rule = ["--type", "event", "--event-type", "volume.create.end", "--alarm-action", receiver]
    openstack(cloud, "alarm", "create", "--name", "volumes", *rule)
    made: list[str] = []

    def called() -> bool:
        if "volumes" in {call["alarm_name"] for call in calls(cloud)}:
            return True
        made.append(f"noticed-{len(made)}")
        openstack(cloud, "volume", "create", "--size", "1", made[-1])
        return False

    # For a minute Aodh takes the alarms of a project to be those that an earlier event has found
    # (event_alarm_cache_ttl): the first volume may come too soon.
    wait_until(called, timeout_s=180, interval_s=20, what="the event's alarm")
    openstack(cloud, "alarm", "delete", "--name", "volumes")
    openstack(cloud, "volume", "delete", *made)


def test_what_a_server_and_a_volume_used_is_what_is_told(cloud: Node) -> None:
    openstack(cloud, "volume", "create", "--size", str(VOLUME_GIB), "metered")
    volume_since = time.monotonic()
    server_asked = time.monotonic()
    virtual.make_server(cloud, "metered")
    server_since = time.monotonic()
    server = openstack_json(cloud, "server", "show", "metered")["id"]
    volume = openstack_json(cloud, "volume", "show", "metered")["id"]
    # Nothing but time makes hours: the period that is known.
    wait_until(
        lambda: time.monotonic() - server_since > LIFE_S,
        timeout_s=2 * LIFE_S,
        interval_s=1,
        what="the server to be of age",
    )
    server_h = (time.monotonic() - server_since) / 3600
    virtual.remove_server(cloud, "metered")
    server_most_h = (time.monotonic() - server_asked) / 3600
    volume_h = (time.monotonic() - volume_since) / 3600
    openstack(cloud, "volume", "delete", "metered")
    # What was polled just before may come later; then it is in its place for good.
    begun = time.monotonic()
    wait_until(
        lambda: time.monotonic() - begun > _SETTLING_S,
        timeout_s=2 * _SETTLING_S,
        interval_s=1,
        what="the last measures to be in their place",
    )
    # When it is seen first and last is known to some measurements.
    near_h = 4 * STEP_S / 3600
    search = f"id='{server}'"
    hours = aggregate(cloud, "instance", "(> (metric vcpus mean) 0)", search)
    assert server_h - near_h <= hours <= server_most_h + near_h
    gigabytes = aggregate(cloud, "volume", "(metric volume.size mean)", f"id='{volume}'")
    assert gigabytes == pytest.approx(VOLUME_GIB * volume_h, abs=VOLUME_GIB * near_h)


def test_one_command_says_what_a_customer_used(cloud: Node) -> None:
    project = openstack_json(cloud, "project", "show", "admin")["id"]
    told_h = bill(cloud, project)
    assert told_h.keys() == {"instance", "volume"}
    flavor = openstack_json(cloud, "flavor", "show", "demo")
    assert told_h["instance"] == pytest.approx(
        flavor["vcpus"] * aggregate(cloud, "instance", "(> (metric vcpus mean) 0)", "host!='x'")
    )
    assert told_h["volume"] == pytest.approx(
        aggregate(cloud, "volume", "(metric volume.size mean)", f"project_id='{project}'")
    )


def test_nothing_has_stumbled(cloud: Node) -> None:
    assert restarted(cloud) == {}
    assert_no_stumble(cloud)
    assert inside(cloud, "find_secrets")["found"] == []


def test_purge_leaves_nothing(cloud: Node, person: dict[str, str], before: dict[str, Any]) -> None:
    remove_member(cloud, person)
    act(cloud, "systemctl", "stop", "receiver")
    act(cloud, "rm", *metering.LOCAL)
    want_all_deleted(cloud)
    apt(cloud, "purge", *metering.PACKAGES, *DAEMONS, *COMMON, *MODULES, *LIBRARIES)
    act(cloud, "systemctl", "daemon-reload")
    assert told(cloud) == before["told"]
    difference = left(before["machine"], inventory(cloud))
    files = difference.pop("files", {"gone": [], "new": []})
    assert difference == {}
    passing = (*_RESTLESS, *_UPGRADED)
    new = {path for path, _ in files["new"] if not path.startswith(passing)}
    assert sorted(new - _OTHERS) == []
    for name in SENDERS:
        text = act(cloud, "cat", f"/etc/{name}/{name}.conf.d/50-debstack.conf").stdout
        assert "[oslo_messaging_notifications]" not in text
    assert "nothing to do" in debstack(cloud, "apply").stdout
