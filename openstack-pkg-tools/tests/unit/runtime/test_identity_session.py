# SPDX-License-Identifier: Apache-2.0
"""The session, the snapshot and the performing against a Keystone that answers over HTTP."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import requests
import requests_mock

from debstack.base.errors import IdentityError, IdentityUnavailable
from debstack.base.secret import Secret
from debstack.runtime.keystone import session
from debstack.runtime.keystone.registered import FILE
from debstack.runtime.keystone.session import Keystone, LoginRefused
from debstack.runtime.keystone.wanted import Scoped, Wanted, WantedService, WantedUser
from debstack.runtime.site import IdentitySite
from debstack.runtime.steps import identity
from debstack.runtime.steps.identity import IdentityStep

URL = "http://keystone:5000/v3"
SITE = IdentitySite(
    url=URL,
    public_url=URL,
    local=False,
    admin_user="admin",
    admin_project="admin",
    admin_password=Secret("pässword"),
    region="RegionOne",
)
GLANCE = WantedUser(
    user=Scoped(domain="Default", name="glance"),
    project=Scoped(domain="Default", name="service"),
    roles=("service",),
    password=Secret("a&b€"),
)
IMAGE = WantedService(
    type="image",
    name="glance",
    description="Image",
    urls={i: f"http://{i}:9292" for i in ("public", "internal", "admin")},
)
WANTED = Wanted(region="RegionOne", users=(GLANCE,), services=(IMAGE,))
STACKS = Wanted(
    region="RegionOne",
    declared_domains={"stacks": "Users of stacks"},
    declared_roles={"stack_user": "", "stack_owner": "People who make stacks"},
    users=(
        WantedUser(
            user=Scoped(domain="stacks", name="stacks_admin"),
            project=None,
            roles=("admin",),
            password=Secret("keep out"),
        ),
    ),
)
COLLECTIONS = {
    "regions": "region",
    "domains": "domain",
    "roles": "role",
    "projects": "project",
    "users": "user",
    "services": "service",
    "endpoints": "endpoint",
    "registered_limits": "registered_limit",
}


NOTE = f"note in {FILE} which endpoints are ours"


class FakeKeystone:
    """Keeps what it is given, as Keystone would; `passwords` by user.

    `root` is the machine whose steps register there.
    """

    def __init__(self, mock: requests_mock.Mocker, root: Path) -> None:
        self.root = root
        self.passwords = {"admin": "pässword"}
        self.kept: dict[str, list[dict[str, Any]]] = {name: [] for name in COLLECTIONS}
        self.kept["domains"].append({"id": "default", "name": "Default", "enabled": True})
        self.assigned: list[tuple[str, ...]] = []
        self.writes: list[str] = []
        mock.post(f"{URL}/auth/tokens", json=self._token)
        mock.get(re.compile(f"{URL}/[a-z_]+([?].*)?$"), json=self._list)
        mock.get(re.compile(f"{URL}/role_assignments[?].*"), json=self._assignments)
        mock.post(re.compile(f"{URL}/[a-z]+$"), json=self._create)
        mock.patch(re.compile(f"{URL}/[a-z]+/.*"), json=self._change)
        mock.put(re.compile(f"{URL}/.*"), json=self._put)
        mock.delete(re.compile(f"{URL}/.*"), json=self._delete)

    def _token(self, request: Any, context: Any) -> Any:
        user = request.json()["auth"]["identity"]["password"]["user"]
        fits = self.passwords.get(user["name"]) == user["password"]
        context.status_code = 201 if fits else 401
        context.headers["X-Subject-Token"] = "token"
        return {
            "token": {
                "user": {"id": user["name"], "name": user["name"], "domain": {"id": "default"}},
                "expires_at": "2099-01-01T00:00:00.000000Z",
                "issued_at": "2026-01-01T00:00:00.000000Z",
                "methods": ["password"],
            }
        }

    def _list(self, request: Any, _context: Any) -> Any:
        name = request.path.rpartition("/")[2]
        wanted = {key: values[0] for key, values in request.qs.items()}
        found = [
            item
            for item in self.kept[name]
            if all(str(item.get(k)).lower() == v.lower() for k, v in wanted.items())
        ]
        return {name: found}

    def _create(self, request: Any, context: Any) -> Any:
        name = request.path.rpartition("/")[2]
        ((kind, fields),) = request.json().items()
        made = {"enabled": True, **fields, "id": f"{kind}-{len(self.kept[name])}"}
        if kind == "user":
            self.passwords[made["name"]] = made.pop("password")
        self.kept[name].append(made)
        self.writes.append(f"POST {name}")
        context.status_code = 201
        return {kind: made}

    def _change(self, request: Any, _context: Any) -> Any:
        name, identifier = request.path.split("/")[-2:]
        ((kind, fields),) = request.json().items()
        (item,) = [i for i in self.kept[name] if i["id"].lower() == identifier]
        if "password" in fields:
            self.passwords[item["name"]] = fields.pop("password")
        item.update(fields)
        self.writes.append(f"PATCH {name}")
        return {kind: item}

    def _put(self, request: Any, context: Any) -> Any:
        parts = request.path.split("/")[2:]
        self.writes.append(f"PUT {parts[0]}")
        if parts[0] == "regions":
            region = {"id": request.url.rpartition("/")[2]}
            self.kept["regions"].append(region)
            return {"region": region}
        self.assigned.append((parts[3], parts[5], parts[1]))
        context.status_code = 204
        return None

    def _delete(self, request: Any, context: Any) -> Any:
        name, identifier = request.path.split("/")[-2:]
        self.kept[name] = [i for i in self.kept[name] if i["id"].lower() != identifier]
        self.writes.append(f"DELETE {name}")
        context.status_code = 204
        return None

    def apply(self, wanted: Wanted = WANTED) -> list[str]:
        """Make it as `wanted`, and return what was done in Keystone."""
        changes = IdentityStep(SITE, wanted, None, root=self.root).changes()
        for change in changes:
            change.perform()
        return [change.summary for change in changes if change.summary != NOTE]

    def _assignments(self, request: Any, _context: Any) -> Any:
        ((filtered, (scope,)),) = request.qs.items()
        kind = filtered.split(".")[1]
        return {
            "role_assignments": [
                {"user": {"id": u}, "role": {"id": r}, "scope": {kind: {"id": s}}}
                for u, r, s in self.assigned
                if s.lower() == scope
            ]
        }


@pytest.fixture
def keystone(requests_mock: requests_mock.Mocker, tmp_path: Path) -> FakeKeystone:
    return FakeKeystone(requests_mock, tmp_path)


def test_an_empty_keystone_is_filled_once(keystone: FakeKeystone) -> None:
    assert len(keystone.apply()) == 9
    assert keystone.passwords["glance"] == "a&b€"
    assert keystone.assigned == [("user-0", "role-0", "project-0")]
    assert {e["service_id"] for e in keystone.kept["endpoints"]} == {"service-0"}
    keystone.writes.clear()
    assert keystone.apply() == []
    assert keystone.writes == []


def test_a_domain_with_its_own_administrator(keystone: FakeKeystone) -> None:
    assert keystone.apply(STACKS) == [
        "create region RegionOne",
        "create domain stacks",
        "create role admin",
        "create role stack_owner",
        "create role stack_user",
        "create user stacks_admin",
        "give user stacks_admin the role admin on domain stacks",
    ]
    (made,) = [d for d in keystone.kept["domains"] if d["name"] == "stacks"]
    assert made["description"] == "Users of stacks"
    assert keystone.kept["projects"] == []
    assert [user["domain_id"] for user in keystone.kept["users"]] == [made["id"]]
    assert [scope for _, _, scope in keystone.assigned] == [made["id"]]
    keystone.writes.clear()
    assert keystone.apply(STACKS) == []
    assert keystone.writes == []


def test_a_domain_that_a_purge_has_only_disabled_is_enabled(keystone: FakeKeystone) -> None:
    keystone.apply(STACKS)
    keystone.kept["domains"][1]["enabled"] = False
    assert keystone.apply(STACKS) == ["enable domain stacks"]
    assert keystone.apply(STACKS) == []


def test_what_was_changed_behind_our_back_is_repaired(keystone: FakeKeystone) -> None:
    keystone.apply()
    keystone.passwords["glance"] = "other"
    keystone.kept["endpoints"].pop(0)
    keystone.kept["endpoints"][0]["url"] = "http://wrong"
    keystone.writes.clear()
    assert len(keystone.apply()) == 3
    assert sorted(keystone.writes) == ["PATCH endpoints", "PATCH users", "POST endpoints"]
    assert keystone.apply() == []


def test_a_remote_administrator_who_is_refused_is_told_where_the_password_belongs(
    keystone: FakeKeystone,
) -> None:
    keystone.passwords["admin"] = "other"
    with pytest.raises(LoginRefused, match="as admin \\(401\\)") as told:
        keystone.apply()
    assert "openstack/admin-password" in (told.value.hint or "")


def test_a_local_administrator_gets_the_sites_password(
    keystone: FakeKeystone, monkeypatch: pytest.MonkeyPatch
) -> None:
    import dataclasses

    from unit.runtime.making import manifests_of

    (provider,) = manifests_of("keystone")
    keystone.passwords["admin"] = "other"

    def bootstrap(_manifest: object, site: IdentitySite, _secrets: object) -> None:
        keystone.passwords["admin"] = str(site.admin_password)

    monkeypatch.setattr(identity, "run_bootstrap", bootstrap)
    step = IdentityStep(dataclasses.replace(SITE, local=True), WANTED, provider, root=keystone.root)
    (change,) = step.changes()
    assert change.summary == "set the password of the cloud's administrator admin"
    change.perform()
    assert step.changes() == []
    assert {"bootstrap:keystone", "unit:keystone"} <= step.needs


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_keystone_that_is_away_may_come_back(
    status: int, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.post(f"{URL}/auth/tokens", status_code=status)
    with pytest.raises(IdentityUnavailable, match="does not serve now"):
        Keystone(SITE).log_in()


def test_a_refused_connection_may_pass(
    requests_mock: requests_mock.Mocker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(session, "RETRY_DELAY_S", 0.0)
    requests_mock.post(f"{URL}/auth/tokens", exc=requests.exceptions.ConnectionError("refused"))
    with pytest.raises(IdentityUnavailable, match="cannot be reached") as told:
        Keystone(SITE).log_in()
    assert "openstack/identity-url" in (told.value.hint or "")
    assert requests_mock.call_count == session.ATTEMPTS


@pytest.mark.parametrize(
    ("status", "part", "hint"),
    [(403, "may not administer it", "role admin"), (500, "refused", "identity-url")],
)
def test_other_refusals_are_told(
    status: int,
    part: str,
    hint: str,
    keystone: FakeKeystone,
    requests_mock: requests_mock.Mocker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(session, "RETRY_DELAY_S", 0.0)
    requests_mock.get(f"{URL}/roles", status_code=status)
    with pytest.raises(IdentityError, match=part) as told:
        keystone.apply()
    assert hint in (told.value.hint or "")
    assert keystone.writes == []


def test_a_connection_that_breaks_after_a_post_makes_no_twin(
    keystone: FakeKeystone, requests_mock: requests_mock.Mocker
) -> None:
    broken: list[str] = []

    def create_and_break(request: Any, context: Any) -> Any:
        keystone._create(request, context)
        if not broken:
            broken.append("once")
            raise requests.exceptions.ConnectionError("reset")
        return {"service": keystone.kept["services"][-1]}

    requests_mock.post(f"{URL}/services", json=create_and_break)
    keystone.apply()
    assert len(keystone.kept["services"]) == 1
    assert {e["service_id"] for e in keystone.kept["endpoints"]} == {"service-0"}


def test_what_somebody_else_made_in_between_is_taken(
    keystone: FakeKeystone, requests_mock: requests_mock.Mocker
) -> None:
    def conflict(_request: Any, context: Any) -> Any:
        keystone.kept["projects"] = [
            {"id": "p-other", "name": "service", "domain_id": "default", "enabled": True}
        ]
        context.status_code = 409
        return {"error": {"message": "Conflict", "code": 409}}

    requests_mock.post(f"{URL}/projects", json=conflict)
    keystone.apply()
    assert keystone.assigned == [("user-0", "role-0", "p-other")]


def test_what_is_deleted_already_is_no_error(
    keystone: FakeKeystone, requests_mock: requests_mock.Mocker
) -> None:
    requests_mock.delete(f"{URL}/users/u", status_code=404)
    Keystone(SITE).request("DELETE", "/users/u")
