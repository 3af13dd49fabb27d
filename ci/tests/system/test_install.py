# SPDX-License-Identifier: Apache-2.0
"""An unattended install from a preseed: the answers are in effect, and a second apply rests."""

from __future__ import annotations

import json
import re

import pytest

from cloudtest.acting import act, apt, debstack, inside, openstack, status
from cloudtest.answers import (
    ADMIN_HOST,
    AWKWARD_PASSWORDS,
    INTERNAL_HOST,
    PUBLIC_HOST,
    answers,
)
from cloudtest.observing import image_comes_back
from cloudtest.stages import INSTALL_LOG, METAPACKAGE, NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

#: The statements by which anything is written, as they begin in MariaDB's general log.
_WRITING = re.compile(
    r"\t(INSERT|UPDATE|DELETE|REPLACE|LOAD|ALTER|CREATE|DROP|RENAME|GRANT|REVOKE|TRUNCATE)\b", re.I
)
_GENERAL_LOG = "/var/lib/mysql/statements.log"


def test_a_preseeded_install_has_exactly_those_answers_in_effect(preseeded: Node) -> None:
    wanted = answers(preseeded.address6)
    shown = json.loads(preseeded.run(["debstack", "answers", "show", "--json"]).stdout)
    assert {one["name"]: one["value"] for one in shown if one["name"] in wanted} == wanted
    site = preseeded.read_file("/etc/debstack/site.preseed")
    for name, value in wanted.items():
        if value:
            assert re.search(rf"^\S+ {name} \S+ {re.escape(value)}$", site, re.M), name
    secrets = preseeded.read_file("/etc/debstack/secrets.preseed")
    for name, value in AWKWARD_PASSWORDS.items():
        assert f" {name} password {value}\n" in secrets


def test_services_and_catalogue_stand_at_the_preseeded_places(preseeded: Node) -> None:
    state = inside(preseeded, "cloud_state")
    assert state["failed"] == ""
    place = f"[{preseeded.address6}]"
    listening = preseeded.run(["ss", "--listening", "--tcp", "--numeric", "--no-header"]).stdout
    for port in (5000, 9292):
        assert f" {place}:{port} " in listening
        assert f"*:{port} " not in listening
        assert f"0.0.0.0:{port} " not in listening
    assert state["keystone"]["regions"] == ["Lab-2"]
    assert state["keystone"]["endpoints"] == [
        f"{kind} Lab-2 {interface} https://{host}:{port}{path} True"
        for kind, port, path in (("identity", 5000, "/v3"), ("image", 9292, ""))
        for interface, host in (
            ("admin", ADMIN_HOST),
            ("internal", INTERNAL_HOST),
            ("public", PUBLIC_HOST),
        )
    ]
    assert "boss: admin on project head-office" in state["keystone"]["assignments"]
    assert [one for one in state["keystone"]["users"] if one.startswith("admin ")] == []
    assert {line.partition(" ")[0] for line in state["database"]["users"]} >= {"keystone", "glance"}
    assert status(preseeded)["in-order"]


def test_every_awkward_password_logs_in(preseeded: Node) -> None:
    preseeded.write_file("/root/passwords.json", json.dumps(AWKWARD_PASSWORDS), mode=0o600)
    found = inside(preseeded, "logins", "/root/passwords.json", "boss", "head-office")
    assert found == dict.fromkeys(AWKWARD_PASSWORDS, "")


def test_images_go_up_and_come_down_with_awkward_passwords(preseeded: Node) -> None:
    assert openstack(preseeded, "image", "list", "--format", "value") == ""
    image_comes_back(preseeded)
    defined = openstack(preseeded, "image", "metadef", "namespace", "list", "--format", "value")
    assert "OS::Compute::Watchdog" in defined
    assert "OS::Software::WebServers" in defined
    script = ". /root/openrc && openstack token issue -f value -c id"
    assert act(preseeded, "sh", "-c", script).stdout.startswith("gAAAAA")


def test_a_plain_install_asks_nothing_at_high_priority(deferred: Node) -> None:
    log = deferred.read_file(INSTALL_LOG)
    asked = set(re.findall(r"<-- INPUT (\w+) (\S+)", log))
    ours = {
        name: priority for priority, name in asked if name.startswith(("openstack/", "glance/"))
    }
    assert ours, "debconf's questions are not in the log"
    assert set(ours.values()) <= {"low", "medium"}


@pytest.mark.long
def test_a_bare_debian_becomes_a_cloud(make_node: NodeMaker) -> None:
    node = make_node().boot()
    told = apt(node, "install", METAPACKAGE, timeout_s=1800).stdout
    # It had started before debstack could say how: it started anew while dpkg went on.
    assert "debstack: server:rabbitmq: restart rabbitmq-server.service meanwhile" in told
    assert told.count("restart rabbitmq-server.service") == 1
    assert "restart epmd.socket" not in told
    assert openstack(node, "image", "list", "--format", "value") == ""
    assert status(node)["in-order"]
    image_comes_back(node)


def test_a_second_apply_writes_nothing_and_says_so(controller: Node) -> None:
    # This logs in as every account: Keystone notes the day when one does so first.
    assert status(controller)["in-order"]
    log_on = f"SET GLOBAL general_log_file='{_GENERAL_LOG}'; SET GLOBAL general_log=ON"
    act(controller, "mariadb", "--execute", log_on)
    before = inside(controller, "activity")
    done = debstack(controller, "apply")
    after = inside(controller, "activity")
    act(controller, "mariadb", "--execute", "SET GLOBAL general_log=OFF")
    assert re.search(r"^debstack: nothing to do: \d+ steps in order", done.stdout, re.M)
    assert changed(before["files"], after["files"]) == ""
    assert changed(before["services"], after["services"]) == ""
    statements = controller.read_file(_GENERAL_LOG)
    assert "SHOW GRANTS FOR" in statements, "nothing was logged"
    assert [line for line in statements.splitlines() if _WRITING.search(line)] == []


def changed(before: dict[str, object], after: dict[str, object]) -> str:
    """Return what differs, a line each: the name, what it was and what it is."""
    names = sorted(before.keys() | after.keys())
    pairs = {name: (before.get(name), after.get(name)) for name in names}
    return "".join(f"{name}: {was} -> {is_}\n" for name, (was, is_) in pairs.items() if was != is_)


def test_a_controller_comes_back_after_a_reboot(controller: Node) -> None:
    before = inside(controller, "cloud_state")
    controller.reboot()
    assert act(controller, "systemctl", "is-system-running").stdout == "running\n"
    assert inside(controller, "cloud_state") == before
    assert status(controller)["in-order"]
    image_comes_back(controller)
