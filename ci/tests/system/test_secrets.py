# SPDX-License-Identifier: Apache-2.0
"""Passwords are nowhere that anybody but root and their service can read them, at no moment."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest

from cloudtest.acting import act, inside, preseed
from cloudtest.answers import AWKWARD_PASSWORDS, FOREIGN_PASSWORDS
from cloudtest.observing import image_comes_back
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

_OLD = "/root/old-passwords.json"


@pytest.fixture(scope="module")
def changed(preseeded: Node) -> Node:
    """The preseeded node, every password of it changed by dpkg-reconfigure while it was watched."""
    act(preseeded, "systemctl", "kill", "--signal=CONT", "watch")
    preseeded.write_file(_OLD, json.dumps(AWKWARD_PASSWORDS), mode=0o600)
    preseed(preseeded, {}, FOREIGN_PASSWORDS)
    reconfigure = ("dpkg-reconfigure", "--frontend=noninteractive", "debstack")
    act(preseeded, *reconfigure, timeout_s=300)
    act(preseeded, "systemctl", "stop", "watch")
    return preseeded


@pytest.fixture(scope="module")
def found(changed: Node) -> Any:
    """What find_secrets finds there, of the passwords before and after."""
    return inside(changed, "find_secrets", _OLD)


def test_changed_passwords_of_any_letters_log_in(changed: Node) -> None:
    changed.write_file("/root/passwords.json", json.dumps(FOREIGN_PASSWORDS), mode=0o600)
    found = inside(changed, "logins", "/root/passwords.json", "boss", "head-office")
    assert found == dict.fromkeys(FOREIGN_PASSWORDS, "")
    refused = inside(changed, "logins", _OLD, "boss", "head-office")
    assert [name for name, reason in refused.items() if not reason] == []
    image_comes_back(changed)


def test_no_password_is_ever_an_argument(changed: Node, found: Any) -> None:
    lines = changed.read_file("/root/arguments").splitlines()
    looks = int(lines[0].removeprefix("looks: "))
    assert looks > 1000
    for tool in ("debstack apply --dpkg", "keystone-manage", "rabbitmqctl", "mariadb"):
        assert any(tool in line for line in lines), f"{tool} was never seen: the watch is blind"
    assert [one for one in found["found"] if one.startswith("/root/arguments")] == []


def test_no_given_password_can_be_read_by_others(found: Any) -> None:
    assert found["found"] == []
    assert found["journal"] > 100_000
    assert found["files"] > 1000
    assert len(found["passwords"]) >= 2 * len(AWKWARD_PASSWORDS)


def test_a_password_that_can_be_read_is_found(changed: Node) -> None:
    leaks = {
        "/var/log/leak": "keystone/database-password",
        "/etc/leak": "glance/service-password",
    }
    for path, name in leaks.items():
        changed.write_file(path, f"a://b:{quote(FOREIGN_PASSWORDS[name])}@c")
    seen = inside(changed, "find_secrets")["found"]
    act(changed, "rm", *leaks)
    assert sorted(seen) == sorted(f"{path}: {name}" for path, name in leaks.items())


def test_no_generated_password_can_be_read_by_others(controller: Node) -> None:
    found = inside(controller, "find_secrets")
    assert found["found"] == []
    assert len(found["passwords"]) >= len(AWKWARD_PASSWORDS)
