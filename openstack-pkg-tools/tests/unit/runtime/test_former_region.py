# SPDX-License-Identifier: Apache-2.0
"""A region that was changed: what was ours there goes, and nothing of anybody else."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import requests_mock
from unit.runtime.making import applied, context
from unit.runtime.test_identity_session import SITE, WANTED, FakeKeystone

from debstack.base.errors import ConfigurationError
from debstack.runtime.context import Context
from debstack.runtime.files import write
from debstack.runtime.keystone.former import FoundRegions, plan_emptied, plan_leaving
from debstack.runtime.keystone.registered import (
    FILE,
    Registered,
    file_of,
    noted,
    registrations,
    to_note,
)
from debstack.runtime.keystone.snapshot import FoundEndpoint, FoundService, Snapshot
from debstack.runtime.steps.former_region import FormerRegionStep, build

OURS = registrations(WANTED)
MOVED = dataclasses.replace(WANTED, region="RegionTwo")
SERVICE = FoundService(id="s1", type="image", name="glance")


def endpoints(region: str, urls: dict[str, str] | None = None) -> tuple[FoundEndpoint, ...]:
    written = dict(WANTED.services[0].urls) if urls is None else urls
    return tuple(
        FoundEndpoint(id=f"{region}-{i}", service="s1", region=region, interface=i, url=url)
        for i, url in written.items()
    )


def catalogue(*found: FoundEndpoint, regions: tuple[str, ...] = ()) -> Snapshot:
    there = frozenset({"RegionOne", "RegionTwo", *regions})
    return Snapshot(regions=there, services=(SERVICE,), endpoints=found)


def leaving(found: FoundRegions) -> list[str]:
    return ["/".join(removal.path) for removal in plan_leaving(found, OURS)]


ALL_OURS = [f"endpoints/RegionOne-{i}" for i in ("admin", "internal", "public")]
BOTH = (*endpoints("RegionOne"), *endpoints("RegionTwo"))
OTHERS = FoundEndpoint(
    id="o", service="s9", region="RegionOne", interface="public", url="http://other"
)


@pytest.mark.parametrize(
    ("found", "gone"),
    [
        (FoundRegions(catalogue=catalogue(*BOTH)), [*ALL_OURS, "regions/RegionOne"]),
        (FoundRegions(catalogue=catalogue(*BOTH, OTHERS)), ALL_OURS),
        (
            FoundRegions(catalogue=catalogue(*BOTH), cared_for=frozenset({"RegionOne"})),
            ALL_OURS,
        ),
        # The same URLs in a region that this machine was never in.
        (
            FoundRegions(
                catalogue=catalogue(*BOTH, *endpoints("RegionThree"), regions=("RegionThree",))
            ),
            [*ALL_OURS, "regions/RegionOne"],
        ),
        # Changed since by somebody else.
        (
            FoundRegions(catalogue=catalogue(*endpoints("RegionOne", {"public": "http://theirs"}))),
            [],
        ),
        # A run that was killed after the endpoints, and one after the region.
        (FoundRegions(catalogue=catalogue(*endpoints("RegionTwo"))), ["regions/RegionOne"]),
        (FoundRegions(catalogue=Snapshot(services=(SERVICE,))), []),
    ],
)
def test_only_what_was_ours_goes(found: FoundRegions, gone: list[str]) -> None:
    assert leaving(found) == gone


KEYSTONE = FoundService(id="k", type="identity", name="keystone")
KEYSTONES = tuple(
    FoundEndpoint(id=f"k-{region}", service="k", region=region, interface="public", url="http://k")
    for region in ("RegionOne", "RegionTwo")
)
MADE_KNOWN = Registered(
    region="RegionTwo", type="identity", name="keystone", interface="public", url="http://k"
)
IMAGES = frozenset(e.id for e in endpoints("RegionTwo"))
TWO = [f"endpoints/{KEYSTONES[1].id}", "regions/RegionTwo"]
OF_ANOTHER = FoundEndpoint(
    id="o", service="s9", region="RegionTwo", interface="public", url="http://other"
)


@pytest.mark.parametrize(
    ("besides", "noted_before", "cared_for", "gone"),
    [
        ([], [MADE_KNOWN], [], TWO),
        ([], [MADE_KNOWN], ["RegionTwo"], TWO[:1]),
        # Another machine of the region has a service yet.
        ([OF_ANOTHER], [MADE_KNOWN], [], []),
        # Somebody else made Keystone known there.
        ([], [], [], []),
    ],
)
def test_a_region_goes_with_its_last_service(
    besides: list[FoundEndpoint],
    noted_before: list[Registered],
    cared_for: list[str],
    gone: list[str],
) -> None:
    there = dataclasses.replace(
        catalogue(*BOTH, *KEYSTONES, *besides), services=(SERVICE, KEYSTONE)
    )
    found = FoundRegions(catalogue=there, cared_for=frozenset(cared_for))
    planned = plan_emptied(found, noted_before, "RegionTwo", IMAGES)
    assert ["/".join(removal.path) for removal in planned] == gone
    assert plan_emptied(found, noted_before, "RegionTwo", frozenset()) == []


def test_what_is_noted_is_what_we_make() -> None:
    empty, full = Snapshot(), catalogue(*BOTH)
    assert to_note(frozenset(), empty, WANTED) == OURS
    assert to_note(None, full, WANTED) == OURS, "made by a debstack that took no notes"
    assert to_note(frozenset(), full, WANTED) == frozenset(), "made by somebody else"
    assert to_note(OURS, full, WANTED) == OURS
    assert to_note(OURS, catalogue(*endpoints("RegionOne")), MOVED) == OURS | registrations(MOVED)


def test_a_changed_url_replaces_what_was_noted() -> None:
    (image,) = WANTED.services
    urls = {**image.urls, "public": "http://new"}
    changed = dataclasses.replace(WANTED, services=(dataclasses.replace(image, urls=urls),))
    assert to_note(OURS, catalogue(*BOTH), changed) == registrations(changed)


def step(root: Path) -> FormerRegionStep:
    return FormerRegionStep(SITE, OURS, units=["glance-api"], root=root)


@pytest.fixture
def keystone(requests_mock: requests_mock.Mocker, tmp_path: Path) -> FakeKeystone:
    return FakeKeystone(requests_mock, tmp_path)


def in_region(keystone: FakeKeystone, region: str) -> list[dict[str, Any]]:
    return [e for e in keystone.kept["endpoints"] if e["region_id"] == region]


def test_the_catalogue_moves(keystone: FakeKeystone) -> None:
    keystone.apply()
    assert noted(keystone.root) == OURS
    keystone.apply(MOVED)
    assert len(in_region(keystone, "RegionOne")) == len(in_region(keystone, "RegionTwo")) == 3
    told = applied(step(keystone.root))
    assert told == [
        "delete admin endpoint of image in region RegionOne: http://admin:9292",
        "delete internal endpoint of image in region RegionOne: http://internal:9292",
        "delete public endpoint of image in region RegionOne: http://public:9292",
        "delete region RegionOne",
        "forget region RegionOne",
    ]
    assert [r["id"] for r in keystone.kept["regions"]] == ["RegionTwo"]
    assert not in_region(keystone, "RegionOne")
    assert len(in_region(keystone, "RegionTwo")) == 3
    assert noted(keystone.root) == registrations(MOVED)
    assert keystone.apply(MOVED) == []


@pytest.mark.parametrize(
    ("regions", "limits"),
    [
        ([{"id": "RegionOne", "description": "Lyon"}], []),
        ([{"id": "RegionOne", "parent_region_id": "France"}], []),
        ([{"id": "RegionOne"}, {"id": "Lyon", "parent_region_id": "RegionOne"}], []),
        ([{"id": "RegionOne"}], [{"id": "l", "region_id": "RegionOne"}]),
    ],
)
def test_a_region_that_means_something_stays(
    keystone: FakeKeystone, regions: list[dict[str, Any]], limits: list[dict[str, Any]]
) -> None:
    keystone.kept["regions"] = regions
    keystone.kept["registered_limits"] = limits
    keystone.apply()
    told = applied(step(keystone.root))
    assert len(told) == 4
    assert "delete region RegionOne" not in told
    assert keystone.kept["regions"] == regions


def in_site(root: Path, region: str) -> Context:
    return context(root, {"openstack/region": region})


def test_there_is_a_step_only_after_a_change(tmp_path: Path) -> None:
    assert build(in_site(tmp_path, "RegionOne")) == []
    write(file_of(tmp_path, OURS))
    assert build(in_site(tmp_path, "RegionOne")) == []
    (former,) = build(in_site(tmp_path, "RegionTwo"))
    assert {"identity:catalogue", "unit:glance-api", "unit:keystone"} <= former.needs
    assert former.declared()[-1] == "forget region RegionOne"


def test_what_a_removed_package_registered_waits(tmp_path: Path) -> None:
    volumes = Registered(
        region="RegionOne",
        type="block-storage",
        name="cinder",
        interface="public",
        url="http://x",
    )
    write(file_of(tmp_path, [volumes]))
    assert build(in_site(tmp_path, "RegionTwo")) == []


def test_notes_that_cannot_be_read_are_told(tmp_path: Path) -> None:
    path = tmp_path / FILE.lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_text('{"schema": 1, "endpoint": [{"region": 1}]}')
    with pytest.raises(ConfigurationError, match=r"registered\.json") as told:
        noted(tmp_path)
    assert "remove" in (told.value.hint or "")
