# SPDX-License-Identifier: Apache-2.0
"""Two regions with one Keystone: each has its own endpoints, and neither takes from the other."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import requests_mock
from unit.runtime.making import manifests_of
from unit.runtime.test_identity_planning import FINE, WANTED, endpoint
from unit.runtime.test_identity_session import WANTED as REGISTERED
from unit.runtime.test_identity_session import FakeKeystone

from debstack.base.errors import IdentityError
from debstack.runtime.keystone.planning import plan
from debstack.runtime.keystone.registered import noted
from debstack.runtime.keystone.removing import Leaving, plan_removal
from debstack.runtime.keystone.sharing import check_passwords, others_share, with_keystone
from debstack.runtime.keystone.snapshot import FoundEndpoint, FoundUser
from debstack.runtime.keystone.wanted import INTERFACES, Wanted, WantedService

TWO = dataclasses.replace(WANTED, region="RegionTwo")


def keystones(region: str, host: str = "one") -> tuple[FoundEndpoint, ...]:
    return tuple(
        FoundEndpoint(
            id=f"k-{region}-{i}",
            service="s9",
            region=region,
            interface=i,
            url=f"https://{i}.{host}:5000/v3",
        )
        for i in INTERFACES
    )


SHARED = dataclasses.replace(FINE, endpoints=(*FINE.endpoints, *keystones("RegionOne")))


def test_a_further_region_gets_keystone_into_its_catalogue_once() -> None:
    wanted = with_keystone(SHARED, TWO)
    made = [action.summary for action in plan(SHARED, wanted)]
    assert "create public endpoint of identity: https://public.one:5000/v3" in made
    assert "create internal endpoint of image: http://internal:9292" in made
    assert not [told for told in made if "user" in told or "service" in told]
    there = dataclasses.replace(SHARED, endpoints=(*SHARED.endpoints, *keystones("RegionTwo", "b")))
    assert with_keystone(there, TWO) == TWO
    assert with_keystone(FINE, TWO) == TWO


def test_where_keystone_moves_it_moves_for_the_other_regions() -> None:
    urls = {i: f"https://{i}.new:5000/v3" for i in INTERFACES}
    mine = WantedService(type="identity", name="keystone", description="", urls=urls)
    wanted = Wanted(region="RegionOne", services=(mine,))
    others = (*keystones("RegionTwo"), *keystones("RegionThree", "proxy.three"))
    found = dataclasses.replace(SHARED, endpoints=(*SHARED.endpoints, *others))
    moved = {action.path[1] for action in plan(found, wanted)}
    assert moved == {f"k-{region}-{i}" for region in ("RegionOne", "RegionTwo") for i in INTERFACES}
    assert plan(SHARED, Wanted(region="RegionOne", services=())) == []


def test_a_password_that_other_regions_use_is_not_changed() -> None:
    wrong = {"Default/glance": FoundUser(id="u1", password_fits=False)}
    found = dataclasses.replace(SHARED, users=wrong)
    with pytest.raises(
        IdentityError, match="glance: the password in Keystone is another"
    ) as caught:
        check_passwords(found, TWO)
    assert "--role region --region RegionTwo" in (caught.value.hint or "")
    check_passwords(found, WANTED)  # where no other region is, it is this machine's affair
    check_passwords(SHARED, TWO)
    off = dataclasses.replace(found, users={"Default/glance": FoundUser(id="u1", enabled=False)})
    check_passwords(off, TWO)


def test_users_stay_as_long_as_another_region_has_services() -> None:
    common, api = manifests_of("glance")
    both = dataclasses.replace(
        SHARED, endpoints=(*SHARED.endpoints, endpoint("public", id="e2", region="RegionTwo"))
    )
    assert others_share(both, "RegionOne")
    assert plan_removal(both, common, Leaving(users=["glance"]), "RegionOne") == []
    gone = plan_removal(both, api, Leaving(types=["image"]), "RegionTwo")
    assert [removal.path for removal in gone] == [("endpoints", "e2")]
    # Keystone itself is in every region.
    alone = dataclasses.replace(SHARED, endpoints=(*SHARED.endpoints, *keystones("RegionTwo")))
    (user,) = plan_removal(alone, common, Leaving(users=["glance"]), "RegionOne")
    assert user.path == ("users", "u1")


def test_a_further_region_is_registered_beside_the_first(
    requests_mock: requests_mock.Mocker, tmp_path: Path
) -> None:
    keystone = FakeKeystone(requests_mock, tmp_path)
    urls = {i: f"https://{i}.one:5000/v3" for i in INTERFACES}
    identity = WantedService(type="identity", name="keystone", description="", urls=urls)
    keystone.apply(dataclasses.replace(REGISTERED, services=(*REGISTERED.services, identity)))
    keystone.root = tmp_path / "two"
    (keystone.root / "var/lib/debstack").mkdir(parents=True)
    second = dataclasses.replace(REGISTERED, region="RegionTwo")
    made = keystone.apply(second)
    assert made[0] == "create region RegionTwo"
    assert sum("endpoint of identity" in told for told in made) == 3
    assert len(made) == 7
    assert keystone.apply(second) == []
    ours = noted(keystone.root) or frozenset()
    assert {(one.region, one.type) for one in ours} == {
        ("RegionTwo", "image"),
        ("RegionTwo", "identity"),
    }
    keystone.passwords["glance"] = "changed there"
    with pytest.raises(IdentityError, match="services of other"):
        keystone.apply(second)
