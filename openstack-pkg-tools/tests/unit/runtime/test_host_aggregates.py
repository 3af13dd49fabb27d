# SPDX-License-Identifier: Apache-2.0
"""Which host aggregates a machine leaves, makes and joins, and a Nova that answers over HTTP."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock
from unit.runtime.making import FACTS, applied, inputs, manifests_of

from debstack.base.errors import AnswerError, DebstackError, Retriable
from debstack.runtime.aggregates import note
from debstack.runtime.aggregates.planning import Aggregate, Wanted, plan
from debstack.runtime.context import Context
from debstack.runtime.keystone import session
from debstack.runtime.resolve import resolve
from debstack.runtime.steps import host_aggregates
from debstack.runtime.steps.host_aggregates import HostAggregatesStep

KEYSTONE = "http://controller:5000/v3"
NOVA = "http://controller:8774/v2.1"
HOST = "node"
ZONE = "nova/availability-zone"
NAMES = "nova/aggregates"


def aggregate(name: str, zone: str = "", *hosts: str, number: int = 1) -> Aggregate:
    return Aggregate(id=number, name=name, zone=zone, hosts=frozenset(hosts))


def wanted(zone: str = "", *names: str) -> Wanted:
    return Wanted(host=HOST, prefix="nova", zone=zone, names=names)


AZ1 = aggregate("az1", "az1", "other")
IN_AZ1 = aggregate("az1", "az1", "other", HOST)
RACK = aggregate("rack", "az1", HOST)
SSD = aggregate("ssd", "", "other")
IN_SSD = aggregate("ssd", "", HOST)


@pytest.mark.parametrize(
    ("found", "asked", "noted", "told"),
    [
        ([], wanted(), [], []),
        ([], wanted("az1"), [], ["make availability zone az1", "join availability zone az1"]),
        ([AZ1], wanted("az1"), [], ["join availability zone az1"]),
        ([IN_AZ1], wanted("az1"), [], []),
        # Somebody's aggregate may be that zone too, and the machine be in it already.
        ([RACK], wanted("az1"), [], []),
        # Moved, which is to leave first.
        (
            [IN_AZ1],
            wanted("az2"),
            ["az1"],
            [
                "leave availability zone az1",
                "make availability zone az2",
                "join availability zone az2",
            ],
        ),
        ([IN_AZ1], wanted(), ["az1"], ["leave availability zone az1"]),
        # Where somebody else put it, it stays.
        ([IN_AZ1], wanted(), [], []),
        ([IN_SSD], wanted("", "gpu"), [], ["make host aggregate gpu", "join host aggregate gpu"]),
        (
            [IN_SSD],
            wanted("", "gpu"),
            ["ssd"],
            ["leave host aggregate ssd", "make host aggregate gpu", "join host aggregate gpu"],
        ),
        ([SSD], wanted("", "ssd"), [], ["join host aggregate ssd"]),
        ([IN_AZ1, SSD], wanted("az1", "ssd", "ssd"), ["az1"], ["join host aggregate ssd"]),
        # A group can be a zone of its own, if it is the only one.
        ([AZ1], wanted("", "az1"), [], ["join availability zone az1"]),
        ([RACK, AZ1], wanted("az1", "az1"), [], ["join availability zone az1"]),
        (
            [],
            wanted("az1", "az1"),
            [],
            ["make availability zone az1", "join availability zone az1"],
        ),
        # What is noted and was taken away by somebody needs no leaving.
        ([AZ1], wanted(), ["az1"], []),
    ],
)
def test_a_machine_is_put_where_its_answers_say(
    found: list[Aggregate], asked: Wanted, noted: list[str], told: list[str]
) -> None:
    assert [action.summary for action in plan(found, asked, noted)] == told


@pytest.mark.parametrize(
    ("found", "asked", "question", "said"),
    [
        (
            [RACK],
            wanted("az2"),
            ZONE,
            "node is in the availability zone az1 by the host aggregate rack",
        ),
        ([SSD], wanted("ssd"), ZONE, "there is a host aggregate ssd already, without"),
        (
            [aggregate("az1", "west")],
            wanted("az1"),
            ZONE,
            "there is a host aggregate az1 already, of the availability zone west",
        ),
        (
            [AZ1],
            wanted("az2", "az1"),
            NAMES,
            "node would be in the availability zone az1 by the host aggregate az1",
        ),
        (
            [RACK, aggregate("gpu", "west")],
            wanted("", "gpu"),
            NAMES,
            "node would be in the availability zone west by the host aggregate gpu",
        ),
    ],
)
def test_what_cannot_be_is_refused(
    found: list[Aggregate], asked: Wanted, question: str, said: str
) -> None:
    with pytest.raises(AnswerError) as caught:
        plan(found, asked, [])
    assert caught.value.question == question
    assert said in caught.value.message
    assert caught.value.hint
    assert "debstack apply" in caught.value.hint


class FakeNova:
    """Nova's host aggregates, and a Keystone that lets anyone in."""

    def __init__(self, mock: requests_mock.Mocker, root: Path) -> None:
        self.root = root
        self.found: list[dict[str, Any]] = []
        self.known = True
        self.busy = False
        self.asked: list[str] = []
        endpoints = [{"interface": "internal", "region": "RegionOne", "url": NOVA, "id": "e"}]
        endpoints[0]["region_id"] = "RegionOne"
        token = {
            "expires_at": "2999-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "methods": ["password"],
            "user": {"id": "u", "name": "nova", "domain": {"id": "default", "name": "Default"}},
            "catalog": [{"type": "compute", "name": "nova", "id": "s", "endpoints": endpoints}],
        }
        self.login = mock.post(
            f"{KEYSTONE}/auth/tokens",
            json={"token": token},
            headers={"X-Subject-Token": "t"},
            status_code=201,
        )
        mock.get(f"{NOVA}/os-aggregates", json=lambda *_: {"aggregates": self.found})
        mock.post(f"{NOVA}/os-aggregates", json=self._create)
        mock.post(requests_mock.ANY, json=self._act, additional_matcher=self._is_action)

    @staticmethod
    def _is_action(request: Any) -> bool:
        return bool(request.path.endswith("/action"))

    def _create(self, request: Any, answer: Any) -> dict[str, Any]:
        made = request.json()["aggregate"]
        if any(one["name"] == made["name"] for one in self.found):
            answer.status_code = 409
            return {}
        self.found.append({**made, "id": len(self.found) + 1, "hosts": []})
        return {"aggregate": self.found[-1]}

    def _act(self, request: Any, answer: Any) -> dict[str, Any]:
        ((verb, body),) = request.json().items()
        number = int(request.path.split("/")[-2])
        (one,) = [found for found in self.found if found["id"] == number]
        # What is ours is noted before.
        assert verb == "remove_host" or one["name"] in note.noted(self.root)
        if not self.known:
            answer.status_code = 404
        elif self.busy:
            answer.status_code = 409
        elif verb == "add_host":
            one["hosts"].append(body["host"])
        else:
            one["hosts"].remove(body["host"])
        return {}

    def hosts(self) -> dict[str, list[str]]:
        return {one["name"]: one["hosts"] for one in self.found}


@pytest.fixture
def nova(requests_mock: requests_mock.Mocker, tmp_path: Path) -> FakeNova:
    (tmp_path / "var/lib/debstack").mkdir(parents=True)
    return FakeNova(requests_mock, tmp_path)


def context(root: Path, answers: dict[str, str]) -> Context:
    named = ("nova-common", "nova-compute")
    own = tuple(m for m in manifests_of("nova") if m.binary in named)
    installed = manifests_of("debstack") + own
    shared = {"openstack/identity-url": KEYSTONE, "openstack/messaging-host": "controller"}
    passwords = {"nova/service-password": "pässword"}
    given = inputs(
        installed,
        {**shared, **answers},
        facts=dataclasses.replace(FACTS, servers=frozenset()),
        secrets=passwords,
    )
    return Context(site=resolve(given), manifests=installed, root=root)


def step(root: Path, answers: dict[str, str]) -> HostAggregatesStep:
    (found,) = host_aggregates.build(context(root, answers))
    assert isinstance(found, HostAggregatesStep)
    return found


def test_a_machine_joins_moves_and_leaves(nova: FakeNova, tmp_path: Path) -> None:
    first = step(tmp_path, {ZONE: "az1", NAMES: "ssd"})
    assert first.needs >= {"unit:nova-compute"}
    assert first.declared() == ["join availability zone az1", "join host aggregate ssd"]
    assert "join availability zone az1" in applied(first)
    assert nova.found[0]["availability_zone"] == "az1"
    assert nova.found[1]["availability_zone"] is None
    assert nova.hosts() == {"az1": [HOST], "ssd": [HOST]}
    assert first.changes() == []
    body = nova.login.request_history[0].json()["auth"]
    assert body["identity"]["password"]["user"]["name"] == "nova"
    assert body["scope"]["project"]["name"] == "service"
    applied(step(tmp_path, {ZONE: "az2", NAMES: "ssd"}))
    assert nova.hosts() == {"az1": [], "ssd": [HOST], "az2": [HOST]}
    last = step(tmp_path, {})
    applied(last)
    assert nova.hosts() == {"az1": [], "ssd": [], "az2": []}
    assert last.changes() == []
    assert host_aggregates.build(context(tmp_path, {})) == []


def test_a_machine_without_an_answer_asks_nobody(tmp_path: Path) -> None:
    assert host_aggregates.build(context(tmp_path, {})) == []


def test_what_two_machines_make_at_once_is_made_once(nova: FakeNova, tmp_path: Path) -> None:
    changes = step(tmp_path, {ZONE: "az1"}).changes()
    applied(step(tmp_path, {ZONE: "az1"}))
    nova.found[0]["hosts"] = ["other"]
    for change in changes:
        change.perform()
    assert nova.hosts() == {"az1": ["other", HOST]}


def test_a_machine_that_nova_does_not_know_yet_waits(nova: FakeNova, tmp_path: Path) -> None:
    nova.known = False
    with pytest.raises(DebstackError, match="does not know the host node yet") as caught:
        applied(step(tmp_path, {ZONE: "az1"}))
    assert isinstance(caught.value, Retriable)
    nova.known = True
    assert applied(step(tmp_path, {ZONE: "az1"})) == ["join availability zone az1"]
    assert nova.hosts() == {"az1": [HOST]}


def test_a_machine_with_servers_stays_and_says_what_to_do(nova: FakeNova, tmp_path: Path) -> None:
    applied(step(tmp_path, {ZONE: "az1"}))
    nova.busy = True
    with pytest.raises(DebstackError, match="does not come out of az1") as caught:
        applied(step(tmp_path, {ZONE: "az2"}))
    assert not isinstance(caught.value, Retriable)
    assert caught.value.hint is not None
    assert "debstack drain node" in caught.value.hint
    assert nova.hosts() == {"az1": [HOST]}
    nova.busy = False
    applied(step(tmp_path, {ZONE: "az2"}))
    assert nova.hosts() == {"az1": [], "az2": [HOST]}


@pytest.mark.parametrize(
    ("answer", "said", "passes"),
    [
        ({"status_code": 401}, "does not let nova in", False),
        ({"exc": requests.exceptions.ConnectTimeout}, "cannot be reached", True),
        ({"status_code": 503}, "does not serve now", True),
    ],
)
def test_what_keeps_it_from_asking_is_told(
    nova: FakeNova,
    requests_mock: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
    answer: dict[str, Any],
    said: str,
    passes: bool,
    tmp_path: Path,
) -> None:
    assert nova.found == []
    monkeypatch.setattr(session, "RETRY_DELAY_S", 0)
    requests_mock.post(f"{KEYSTONE}/auth/tokens", **answer)
    with pytest.raises(DebstackError, match=said) as caught:
        step(tmp_path, {ZONE: "az1"}).changes()
    assert isinstance(caught.value, Retriable) is passes
