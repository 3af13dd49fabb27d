# SPDX-License-Identifier: Apache-2.0
"""Which volume types a machine makes, and a Cinder that answers over HTTP."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path
from typing import Any

import pytest
import requests_mock
from unit.runtime.making import FACTS, applied, inputs, manifests_of

from debstack.base.errors import AnswerError, DebstackError, Retriable
from debstack.runtime.context import Context
from debstack.runtime.export import handed_on
from debstack.runtime.keystone import session
from debstack.runtime.resolve import resolve
from debstack.runtime.steps import volume_types
from debstack.runtime.steps.volume_types import VolumeTypesStep
from debstack.runtime.substitution import sections_of
from debstack.runtime.volume_types.planning import Wanted, plan

KEYSTONE = "http://controller:5000/v3"
CINDER = "http://controller:8776/v3"
BACKEND = "cinder/backend"
DEFAULT = "cinder/default-volume-type"
GROUP = "cinder/volume-group"
STORAGE = ("cinder-common", "cinder-volume")
API = ("cinder-common", "cinder-api")
BOTH = (*API, "cinder-volume")
#: What Cinder's migration makes.
FIRST = "__DEFAULT__"


def wanted(*used: str, default: str = "") -> Wanted:
    known = frozenset({"lvm", "file", "nfs", "ceph"})
    return Wanted(prefix="cinder", used=used, known=known, default=default)


@pytest.mark.parametrize(
    ("found", "asked", "missing"),
    [
        ([FIRST], wanted("lvm"), ["lvm"]),
        ([FIRST, "lvm"], wanted("lvm"), []),
        # Several machines, each with its own.
        ([FIRST, "lvm"], wanted("ceph"), ["ceph"]),
        # A default that a machine which comes later will have.
        ([FIRST], wanted(default="ceph"), ["ceph"]),
        ([FIRST, "lvm"], wanted("lvm", default="lvm"), []),
        ([FIRST], wanted("lvm", default="lvm"), ["lvm"]),
        ([FIRST, "gold"], wanted("lvm", default="gold"), ["lvm"]),
        ([FIRST], wanted("lvm", default=FIRST), ["lvm"]),
        ([FIRST], wanted(), []),
    ],
)
def test_types_that_are_missing_are_made(
    found: list[str], asked: Wanted, missing: list[str]
) -> None:
    assert plan(found, asked) == missing


def test_a_default_that_is_no_type_is_refused() -> None:
    with pytest.raises(AnswerError, match="there is no volume type gold; there are file, lvm") as e:
        plan(["lvm", "file"], wanted("lvm", default="gold"))
    assert e.value.question == DEFAULT
    assert e.value.hint
    assert "volume type create gold" in e.value.hint


class FakeCinder:
    """Cinder's volume types, and a Keystone that lets anyone in."""

    def __init__(self, mock: requests_mock.Mocker) -> None:
        self.found: list[dict[str, Any]] = [{"name": FIRST, "extra_specs": {}}]
        self.endpoints = [
            {"interface": "internal", "region": r, "region_id": r, "url": CINDER, "id": r}
            for r in ("RegionOne",)
        ]
        self.login = mock.post(
            f"{KEYSTONE}/auth/tokens",
            json=self._token,
            headers={"X-Subject-Token": "t"},
            status_code=201,
        )
        mock.get(f"{CINDER}/types?is_public=None", json=lambda *_: {"volume_types": self.found})
        mock.post(f"{CINDER}/types", json=self._create)

    def _token(self, request: Any, answer: Any) -> dict[str, Any]:
        service = {"type": "block-storage", "name": "cinder", "id": "s"}
        token = {
            "expires_at": "2999-01-01T00:00:00.000000Z",
            "issued_at": "2026-01-01T00:00:00.000000Z",
            "methods": ["password"],
            "user": {"id": "u", "name": "cinder", "domain": {"id": "default", "name": "Default"}},
            "catalog": [{**service, "endpoints": self.endpoints}],
        }
        return {"token": token}

    def _create(self, request: Any, answer: Any) -> dict[str, Any]:
        made = request.json()["volume_type"]
        if made["name"] in self.specs():
            answer.status_code = 409
            return {}
        self.found.append(made)
        return {"volume_type": made}

    def specs(self) -> dict[str, dict[str, str]]:
        return {one["name"]: one["extra_specs"] for one in self.found}


@pytest.fixture
def cinder(requests_mock: requests_mock.Mocker) -> FakeCinder:
    return FakeCinder(requests_mock)


def context(root: Path, answers: dict[str, str], binaries: tuple[str, ...]) -> Context:
    own = tuple(m for m in manifests_of("cinder") if m.binary in binaries)
    installed = manifests_of("debstack") + own
    shared = {"openstack/identity-url": KEYSTONE, "openstack/messaging-host": "controller"}
    # Each machine has a volume group with room in it.
    facts = dataclasses.replace(
        FACTS,
        servers=frozenset({"mariadb"}),
        traits={"volume-group": lambda: "vg0", "host-names": lambda: ""},
    )
    given = inputs(
        installed, {**shared, **answers}, facts=facts, secrets={"cinder/service-password": "p"}
    )
    return Context(site=resolve(given), manifests=installed, root=root)


def step(
    root: Path, answers: dict[str, str], binaries: tuple[str, ...] = STORAGE
) -> VolumeTypesStep:
    (found,) = volume_types.build(context(root, answers, binaries))
    assert isinstance(found, VolumeTypesStep)
    return found


def test_a_machine_makes_the_type_of_its_back_end(cinder: FakeCinder, tmp_path: Path) -> None:
    first = step(tmp_path, {})
    assert first.needs >= {"unit:cinder-volume", "identity:catalogue"}
    assert first.declared() == ["make volume type lvm"]
    assert applied(first) == ["make volume type lvm"]
    assert first.changes() == []
    applied(step(tmp_path, {BACKEND: "file"}))
    specs = cinder.specs()
    assert specs["lvm"] == {"volume_backend_name": "lvm"}
    assert specs["file"] == {"volume_backend_name": "file"}
    body = cinder.login.request_history[0].json()["auth"]
    assert body["identity"]["password"]["user"]["name"] == "cinder"
    assert body["scope"]["project"]["name"] == "service"


def test_what_somebody_made_stays_as_it_is(cinder: FakeCinder, tmp_path: Path) -> None:
    own = {"name": "lvm", "extra_specs": {"volume_backend_name": "fast", "qos": "gold"}}
    cinder.found.append(own)
    assert step(tmp_path, {}).changes() == []
    assert cinder.specs()["lvm"] == {"volume_backend_name": "fast", "qos": "gold"}


def test_what_two_machines_make_at_once_is_made_once(cinder: FakeCinder, tmp_path: Path) -> None:
    changes = step(tmp_path, {}).changes()
    applied(step(tmp_path, {}))
    for change in changes:
        change.perform()
    assert [one["name"] for one in cinder.found] == [FIRST, "lvm"]


def test_the_machine_with_the_api_makes_the_default_type_alone(
    cinder: FakeCinder, tmp_path: Path
) -> None:
    assert volume_types.build(context(tmp_path, {}, API)) == []
    answered = step(tmp_path, {DEFAULT: "nfs"}, API)
    assert answered.needs >= {"unit:cinder-api", "front:haproxy"}
    assert applied(answered) == ["make volume type nfs"]
    assert cinder.specs()["nfs"] == {"volume_backend_name": "nfs"}


@pytest.mark.parametrize(
    ("answers", "binaries", "written"),
    [
        ({}, BOTH, ["lvm"]),
        ({BACKEND: "file"}, BOTH, ["file"]),
        ({BACKEND: "nfs"}, BOTH, ["nfs"]),
        ({"openstack/ceph-monitors": "mon"}, BOTH, ["ceph"]),
        ({"openstack/ceph-monitors": "mon", BACKEND: "lvm"}, BOTH, ["lvm"]),
        ({GROUP: "vg1", DEFAULT: "gold"}, BOTH, ["gold"]),
        # Where no volumes are kept, Cinder chooses, whatever this machine has.
        ({}, API, None),
        ({"openstack/ceph-monitors": "mon"}, API, None),
        ({DEFAULT: "ceph"}, API, ["ceph"]),
    ],
)
def test_the_default_is_the_answer_or_the_back_end_here(
    answers: dict[str, str], binaries: tuple[str, ...], written: list[str] | None, tmp_path: Path
) -> None:
    made = context(tmp_path, answers, binaries)
    (common,) = (m for m in made.manifests if m.binary == "cinder-common")
    sections = sections_of(made.site, common, common.package.config["cinder"])
    assert sections["DEFAULT"].get("default_volume_type") == written


def test_a_machine_with_volumes_registers_nobody_and_is_cinder_all_the_same(
    tmp_path: Path,
) -> None:
    made = context(tmp_path, {}, STORAGE)
    assert not any(manifest.registers for manifest in made.manifests)
    assert any(manifest.registers for manifest in context(tmp_path, {}, API).manifests)
    (common,) = (m for m in made.manifests if m.binary == "cinder-common")
    sections = sections_of(made.site, common, common.package.config["cinder"])
    for name in ("keystone_authtoken", "service_user", "nova", "glance"):
        assert sections[name]["password"] == ["p"]


def test_without_an_api_anywhere_it_is_told_and_the_rest_goes_on(
    cinder: FakeCinder, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cinder.endpoints = []
    with caplog.at_level(logging.WARNING):
        assert step(tmp_path, {}).changes() == []
    assert "Cinder's API is not in the catalogue of region RegionOne" in caplog.text


@pytest.mark.parametrize(
    ("status", "said", "passes"), [(503, "does not serve now", True), (403, "refused", False)]
)
def test_what_keeps_it_from_asking_is_told(
    cinder: FakeCinder,
    requests_mock: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
    status: int,
    said: str,
    passes: bool,
    tmp_path: Path,
) -> None:
    assert cinder.found
    monkeypatch.setattr(session, "RETRY_DELAY_S", 0)
    requests_mock.get(f"{CINDER}/types", status_code=status)
    with pytest.raises(DebstackError, match=f"Cinder.*{said}") as caught:
        step(tmp_path, {}).changes()
    assert isinstance(caught.value, Retriable) is passes


@pytest.mark.parametrize(
    ("answers", "told"),
    [({}, "lvm"), ({BACKEND: "file"}, "file"), ({DEFAULT: "gold"}, "gold")],
)
def test_another_controller_is_told_the_default(
    answers: dict[str, str], told: str, tmp_path: Path
) -> None:
    made = context(tmp_path, answers, BOTH)
    packages = [m for m in made.manifests if m.binary in API]
    handed = handed_on(made.site, packages, "controller", given=answers, held={})
    assert handed.answers[DEFAULT] == told
    storage = [m for m in made.manifests if m.binary in STORAGE]
    assert DEFAULT not in handed_on(made.site, storage, "storage", given=answers, held={}).answers
