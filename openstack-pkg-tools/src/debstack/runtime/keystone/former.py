# SPDX-License-Identifier: Apache-2.0
"""What this machine registered in a region that is no longer its own, and how it is taken back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace

from debstack.runtime.keystone.registered import Registered, found_as
from debstack.runtime.keystone.removing import Removal
from debstack.runtime.keystone.session import Keystone
from debstack.runtime.keystone.sharing import IDENTITY
from debstack.runtime.keystone.snapshot import (
    Snapshot,
    found_endpoint,
    found_service,
    in_parallel,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundRegions:
    """The catalogue, and the regions in it that mean something to somebody beyond their endpoints.

    Those are described by someone, part of others, made of others, or have limits of their own.
    """

    catalogue: Snapshot
    cared_for: frozenset[str] = frozenset()


def take_regions(keystone: Keystone) -> FoundRegions:
    """Return what there is of regions, services and endpoints. Raises IdentityError."""
    keystone.log_in()
    lists = ("regions", "services", "endpoints", "registered_limits")
    regions, services, endpoints, limits = in_parallel(keystone.list, lists)
    cared_for = {r["id"] for r in regions if r.get("description") or r.get("parent_region_id")}
    # Keystone deletes the regions below one with it.
    cared_for |= {r["parent_region_id"] for r in regions if r.get("parent_region_id")}
    cared_for |= {limit["region_id"] for limit in limits if limit.get("region_id")}
    return FoundRegions(
        catalogue=Snapshot(
            regions=frozenset(region["id"] for region in regions),
            services=tuple(found_service(found) for found in services),
            endpoints=tuple(found_endpoint(found) for found in endpoints),
        ),
        cared_for=frozenset(cared_for),
    )


def plan_leaving(found: FoundRegions, former: Iterable[Registered]) -> list[Removal]:
    """Return what to delete of `former`; a region goes once nothing is left in it. Pure."""
    gone: dict[str, Removal] = {}
    registered = sorted(former)
    for one in registered:
        for endpoint in found_as(found.catalogue, one):
            what = f"{one.interface} endpoint of {one.type} in region {one.region}"
            gone[endpoint.id] = Removal(
                summary=f"delete {what}: {one.url}", path=("endpoints", endpoint.id)
            )
    used = {e.region for e in found.catalogue.endpoints if e.id not in gone}
    empty = {one.region for one in registered} & found.catalogue.regions
    return [
        *gone.values(),
        *(
            Removal(summary=f"delete region {region}", path=("regions", region))
            for region in sorted(empty - used - found.cared_for)
        ),
    ]


def plan_emptied(
    found: FoundRegions, noted: Iterable[Registered], region: str, gone: Collection[str]
) -> list[Removal]:
    """Return what to delete of `region` once the endpoints with the ids `gone` are deleted.

    That is Keystone, made known there by this machine, and the region, if nothing else is left in
    it. Pure.
    """
    stays = tuple(e for e in found.catalogue.endpoints if e.id not in gone)
    after = replace(found, catalogue=replace(found.catalogue, endpoints=stays))
    ours = [one for one in noted if (one.type, one.region) == (IDENTITY, region)]
    known = {e.id for one in ours for e in found_as(after.catalogue, one)}
    if any(e.region == region and e.id not in known for e in stays):
        return []
    return plan_leaving(after, ours)
