# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from unit.runtime.making import RUNNING, STOPPED, applied, inputs, manifests_of

from debstack.base.errors import AnswerError, ConfigurationError, DebstackError
from debstack.base.run import Result
from debstack.runtime import keepalived, systemd
from debstack.runtime.context import Context
from debstack.runtime.resolve import resolve
from debstack.runtime.steps import virtual_address as steps
from debstack.runtime.systemd import UnitState

LINKS: list[dict[str, Any]] = [
    {"ifname": "lo", "addr_info": [{"local": "127.0.0.1", "prefixlen": 8}]},
    {
        "ifname": "eth0",
        "addr_info": [
            {"local": "10.0.0.4", "prefixlen": 24},
            {"local": "fd00::4", "prefixlen": 64},
        ],
    },
    {"ifname": "eth1", "addr_info": [{"local": "10.0.0.130", "prefixlen": 25}]},
    {"ifname": "br-ex", "addr_info": []},
]


class World:
    """systemd and ip, as far as the step asks them."""

    def __init__(self) -> None:
        self.state: UnitState = STOPPED
        self.done: list[str] = []
        #: What keepalived says of its configuration, if it does not like it.
        self.said = ""


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> World:
    found = World()

    def bring_up(unit: str, verb: str) -> None:
        found.done.append(f"{verb} {unit}")
        found.state = replace(RUNNING, since=datetime.now(tz=UTC))

    def run(argv: list[str], **_: object) -> Result:
        if argv[0] == keepalived.PROGRAM:
            return Result(code=6 if found.said else 0, stdout="", stderr=found.said)
        return Result(code=0, stdout=json.dumps(LINKS), stderr="")

    monkeypatch.setattr(systemd, "unit_state", lambda _: found.state)
    monkeypatch.setattr(systemd, "bring_up", bring_up)
    monkeypatch.setattr(systemd, "daemon_reload", lambda: None)
    monkeypatch.setattr(systemd, "stop", lambda unit: found.done.append(f"stop {unit}"))
    monkeypatch.setattr(steps, "run", run)
    program = tmp_path / keepalived.PROGRAM.lstrip("/")
    program.parent.mkdir(parents=True)
    program.touch()
    return found


def face(root: Path, answers: dict[str, str]) -> Context:
    installed = manifests_of("debstack")
    told = {"openstack/controllers": "10.0.0.9", "openstack/virtual-address": "10.0.0.100"}
    site = resolve(inputs(installed, {**told, **answers}))
    return Context(site=site, manifests=installed, root=root)


@pytest.mark.parametrize(
    ("address", "device"),
    [
        ("10.0.0.100", "eth0"),
        ("10.0.0.200", "eth1"),
        ("fd00::64", "eth0"),
        ("10.0.1.1", ""),
        ("2001:db8::1", ""),
    ],
)
def test_the_address_belongs_to_the_card_in_whose_network_it_is(address: str, device: str) -> None:
    assert keepalived.device_of(address, LINKS) == device
    held = {"ifname": "wrong", "addr_info": [{"local": address, "prefixlen": 32}]}
    if ":" not in address:
        assert keepalived.device_of(address, [held, *LINKS]) == device


@pytest.mark.parametrize(
    ("address", "number"), [("10.0.0.100", 100), ("10.0.1.0", 255), ("fd00::1:2", 2)]
)
def test_the_number_of_the_router_follows_from_the_address(address: str, number: int) -> None:
    assert keepalived.router_of(address) == number


def test_keepalived_reads_what_is_ours(tmp_path: Path, world: World) -> None:
    made = face(tmp_path, {})
    (step,) = steps.build(made)
    assert applied(step)[-1] == "start keepalived.service"
    assert world.done[-1] == "start keepalived.service"
    text = made.path(keepalived.CONFIGURATION).read_text()
    assert "include" not in text
    for line in ("interface eth0", "virtual_router_id 100", "\t10.0.0.100"):
        assert f"\t{line}\n" in text
    assert keepalived.CONFIGURATION in made.path(steps.DROP_IN).read_text()
    assert step.changes() == []
    (step,) = steps.build(face(tmp_path, {"openstack/virtual-router": "7"}))
    assert applied(step)[-1] == "restart keepalived.service"
    assert "\tvirtual_router_id 7\n" in made.path(keepalived.CONFIGURATION).read_text()
    # Written, and killed before the restart.
    world.state = RUNNING
    assert applied(step) == ["restart keepalived.service"]


def test_a_mistake_of_the_administrators_is_told(tmp_path: Path, world: World) -> None:
    own = tmp_path / keepalived.OWN.lstrip("/")
    own.parent.mkdir(parents=True)
    own.touch()
    made = face(tmp_path, {})
    (step,) = steps.build(made)
    insecure = "SECURITY VIOLATION - scripts are being executed but script_security not enabled.\n"
    world.said = f"(/etc/keepalived/keepalived.conf: Line 1) Unknown keyword 'a'\n{insecure}"
    with pytest.raises(ConfigurationError, match=r"Line 1\) Unknown keyword 'a'"):
        applied(step)
    assert world.done == []
    world.said = insecure
    applied(step)
    assert world.done == ["start keepalived.service"]
    world.state = RUNNING  # that is, from before its file was changed
    assert applied(step) == ["restart keepalived.service"]
    text = made.path(keepalived.CONFIGURATION).read_text()
    assert "\ninclude /etc/keepalived/keepalived.conf\n" in text
    assert "global_defs" not in text


def test_what_the_administrator_masked_stays_so(tmp_path: Path, world: World) -> None:
    world.state = replace(STOPPED, masked=True)
    (step,) = steps.build(face(tmp_path, {}))
    applied(step)
    assert world.done == []


@pytest.mark.parametrize(
    "answers",
    [
        {"openstack/virtual-address": ""},
        {"openstack/controllers": ""},
        {"openstack/tls": "off"},
    ],
)
@pytest.mark.parametrize("own", [True, False])
def test_without_the_answer_keepalived_is_as_it_was(
    tmp_path: Path, world: World, answers: dict[str, str], own: bool
) -> None:
    without = face(tmp_path, answers)
    assert steps.build(without) == []
    (step,) = steps.build(face(tmp_path, {}))
    applied(step)
    world.done = []
    if own:
        path = tmp_path / keepalived.OWN.lstrip("/")
        path.parent.mkdir(parents=True)
        path.touch()
    (step,) = steps.build(without)
    applied(step)
    unit = "keepalived.service"
    assert world.done == [f"stop {unit}", *([f"start {unit}"] if own else [])]
    assert not (tmp_path / keepalived.CONFIGURATION.lstrip("/")).exists()
    assert steps.build(without) == []


def test_an_address_of_another_network_is_refused(tmp_path: Path, world: World) -> None:
    (step,) = steps.build(face(tmp_path, {"openstack/virtual-address": "192.0.2.7"}))
    with pytest.raises(AnswerError, match=r"openstack/virtual-address: .* found 192\.0\.2\.7"):
        step.changes()
    assert world.done == []


def test_without_keepalived_it_is_told_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(AnswerError, match="openstack/virtual-address: needs keepalived"):
        steps.build(face(tmp_path, {}))


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"openstack/virtual-address": "10.0.0.4"}, "expected an address that no machine has"),
        ({"openstack/virtual-router": "256"}, "openstack/virtual-router: expected a number from"),
    ],
)
def test_an_answer_that_cannot_be_is_refused(
    tmp_path: Path, answers: dict[str, str], told: str
) -> None:
    with pytest.raises(DebstackError, match=told):
        face(tmp_path, answers)
