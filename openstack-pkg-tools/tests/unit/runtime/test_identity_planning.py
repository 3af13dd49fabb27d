# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import pytest

from debstack.base.secret import Secret
from debstack.runtime.keystone.planning import Ref, plan
from debstack.runtime.keystone.snapshot import (
    FoundEndpoint,
    FoundProject,
    FoundService,
    FoundUser,
    Snapshot,
)
from debstack.runtime.keystone.wanted import Scoped, Wanted, WantedService, WantedUser

URLS = {i: f"http://{i}:9292" for i in ("public", "internal", "admin")}
GLANCE = WantedUser(
    user=Scoped(domain="Default", name="glance"),
    project=Scoped(domain="Default", name="service"),
    roles=("service",),
    password=Secret("hidden"),
)
IMAGE = WantedService(type="image", name="glance", description="Image", urls=URLS)
WANTED = Wanted(region="RegionOne", users=(GLANCE,), services=(IMAGE,))
SERVICE = FoundService(id="s1", type="image", name="glance")


def endpoint(interface: str, **changes: object) -> FoundEndpoint:
    found = FoundEndpoint(
        id=f"e-{interface}",
        service="s1",
        region="RegionOne",
        interface=interface,
        url=URLS[interface],
    )
    return dataclasses.replace(found, **changes)  # type: ignore[arg-type]


ENDPOINTS = tuple(endpoint(interface) for interface in URLS)
FINE = Snapshot(
    regions=frozenset({"RegionOne"}),
    domains={"Default": "default"},
    roles={"service": "r1", "admin": "r2"},
    projects={"Default/service": FoundProject(id="p1")},
    users={"Default/glance": FoundUser(id="u1")},
    services=(SERVICE, FoundService(id="s9", type="identity", name="keystone")),
    endpoints=ENDPOINTS,
    assignments=frozenset({("u1", "r1", "p1"), ("u9", "r2", "p1")}),
)


def test_nothing_is_planned_where_all_is_as_wanted() -> None:
    assert plan(FINE, WANTED) == []


def test_an_empty_keystone_gets_everything_in_order() -> None:
    actions = plan(Snapshot(), WANTED)
    assert [action.summary for action in actions] == [
        "create region RegionOne",
        "create domain Default",
        "create role service",
        "create project service",
        "create service image (glance)",
        "create user glance",
        "create public endpoint of image: http://public:9292",
        "create internal endpoint of image: http://internal:9292",
        "create admin endpoint of image: http://admin:9292",
        "give user glance the role service on project service",
    ]
    made: set[Ref] = set()
    for action in actions:
        parts = [*action.path, *action.lookup.values()]
        body = next(iter(action.body.values())) if action.body else {}
        used = {part for part in [*parts, *body.values()] if isinstance(part, Ref)}
        assert used <= made
        made |= {action.yields} if action.yields else set()


@pytest.mark.parametrize(
    ("differences", "planned"),
    [
        ({"regions": frozenset()}, ["create region RegionOne"]),
        (
            {"projects": {"Default/service": FoundProject(id="p1", enabled=False)}},
            ["enable project service"],
        ),
        (
            {"users": {"Default/glance": FoundUser(id="u1", password_fits=False)}},
            ["set the password of user glance"],
        ),
        (
            {"users": {"Default/glance": FoundUser(id="u1", enabled=False)}},
            ["enable user glance"],
        ),
        (
            {"assignments": frozenset({("u1", "r2", "p1"), ("u2", "r1", "p1")})},
            ["give user glance the role service on project service"],
        ),
        (
            {"endpoints": ENDPOINTS[1:]},
            ["create public endpoint of image: http://public:9292"],
        ),
        (
            {"endpoints": (endpoint("public", url="http://old"), *ENDPOINTS[1:])},
            ["change public endpoint of image to http://public:9292"],
        ),
        (
            {"endpoints": (endpoint("public", enabled=False), *ENDPOINTS[1:])},
            ["enable public endpoint of image"],
        ),
        (
            {"endpoints": (endpoint("public", id="e0", url="http://old"), *ENDPOINTS)},
            ["delete a second public endpoint of image: http://old"],
        ),
        (
            {"endpoints": (*ENDPOINTS, endpoint("public", id="e0", region="RegionTwo"))},
            [],
        ),
        (
            {"services": (dataclasses.replace(SERVICE, enabled=False),)},
            ["enable service image (glance)"],
        ),
        (
            {"services": (dataclasses.replace(SERVICE, name="images"),)},
            ["rename service image (glance)"],
        ),
        (
            {"services": (FoundService(id="s0", type="image", name="glance"), SERVICE)},
            ["delete a second service image (glance)"],
        ),
        (
            {"services": (SERVICE, FoundService(id="s0", type="image", name="other"))},
            [],
        ),
    ],
)
def test_differences_are_planned(differences: dict[str, object], planned: list[str]) -> None:
    found = dataclasses.replace(FINE, **differences)  # type: ignore[arg-type]
    assert [action.summary for action in plan(found, WANTED)] == planned


def test_the_entry_that_has_endpoints_is_the_one_kept() -> None:
    bare = FoundService(id="s0", type="image", name="glance")
    found = dataclasses.replace(FINE, services=(bare, SERVICE))
    (action,) = plan(found, WANTED)
    assert action.path == ("services", "s0")


def test_no_password_is_in_a_summary_or_a_repr() -> None:
    for action in plan(Snapshot(), WANTED):
        assert "hidden" not in repr(action)
