# SPDX-License-Identifier: Apache-2.0
"""Regions that share a Keystone: what one of them must not do to the others. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from debstack.base.errors import IdentityError
from debstack.runtime.keystone.snapshot import Snapshot
from debstack.runtime.keystone.wanted import INTERFACES, Wanted, WantedService

IDENTITY = "identity"


def others_share(found: Snapshot, region: str, ours: Collection[str] = ()) -> bool:
    """Say whether there are services in another region, but for endpoints with the ids `ours`."""
    keystones = {service.id for service in found.services if service.type == IDENTITY}
    return any(
        endpoint.region != region and endpoint.service not in keystones and endpoint.id not in ours
        for endpoint in found.endpoints
    )


def with_keystone(found: Snapshot, wanted: Wanted) -> Wanted:
    """Return `wanted` with Keystone in its region too, where only other regions have it.

    Services look for it in their own region; its URLs are the same there.
    """
    for service in found.services:
        if service.type != IDENTITY:
            continue
        endpoints = [e for e in found.endpoints if e.service == service.id]
        if any(endpoint.region == wanted.region for endpoint in endpoints):
            return wanted
        for region in sorted({endpoint.region for endpoint in endpoints}):
            urls = {e.interface: e.url for e in endpoints if e.region == region}
            if urls.keys() >= set(INTERFACES):
                same = WantedService(type=IDENTITY, name=service.name, description="", urls=urls)
                return replace(wanted, services=(*wanted.services, same))
    return wanted


def check_passwords(found: Snapshot, wanted: Wanted) -> None:
    """Refuse to take a user of services that other regions have too away from them.

    Raises IdentityError.
    """
    if not others_share(found, wanted.region):
        return
    names = [
        declared.user.name
        for declared in wanted.users
        if (there := found.users.get(declared.user.key)) is not None
        and there.enabled
        and not there.password_fits
    ]
    if names:
        raise IdentityError(
            f"{', '.join(names)}: the password in Keystone is another one, and services of other"
            " regions log in with it",
            hint="on the machine with Keystone, debstack export --role region --region"
            f" {wanted.region} > FILE; here, debconf-set-selections < FILE && debstack apply",
        )
