# SPDX-License-Identifier: Apache-2.0
"""From what is in Keystone to the requests that take one package out of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from debstack.runtime.keystone.planning import chosen_service
from debstack.runtime.keystone.registered import Registered, found_as
from debstack.runtime.keystone.session import Keystone
from debstack.runtime.keystone.sharing import others_share
from debstack.runtime.keystone.snapshot import FoundUser, Snapshot, found_endpoint, found_service
from debstack.runtime.keystone.wanted import Scoped
from debstack.spec.vocabulary import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One thing that is deleted, or made ready for it."""

    summary: str
    path: tuple[str, ...]
    method: str = "DELETE"
    body: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What a package declares and no other one does: names, and types of services."""

    users: Sequence[str] = ()
    types: Sequence[str] = ()
    domains: Sequence[str] = ()
    roles: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.users or self.types or self.domains or self.roles)


def take_removal_snapshot(keystone: Keystone, manifest: Manifest, users: Iterable[str]) -> Snapshot:
    """Return all but assignments, of users only `users`. Raises IdentityError."""
    domains = {str(d["name"]): str(d["id"]) for d in keystone.list("domains")}
    found: dict[str, FoundUser] = {}
    for name in users:
        scoped = Scoped(domain=manifest.package.service_user[name].domain, name=name)
        if scoped.domain not in domains:
            continue
        for user in keystone.list("users", name=name, domain_id=domains[scoped.domain]):
            found[scoped.key] = FoundUser(id=user["id"])
    return Snapshot(
        domains=domains,
        roles={r["name"]: r["id"] for r in keystone.list("roles") if not r.get("domain_id")},
        users=found,
        services=tuple(found_service(s) for s in keystone.list("services")),
        endpoints=tuple(found_endpoint(e) for e in keystone.list("endpoints")),
    )


def plan_removal(
    found: Snapshot,
    manifest: Manifest,
    leaving: Leaving,
    region: str,
    noted: Collection[Registered] = (),
) -> list[Removal]:
    """Return what to delete of `leaving`, of the services their endpoints in `region`.

    Those in a former region go if they are `noted` as ours. A service goes with its last endpoint,
    since another region may have it too. Where there are services in other regions, which log in as
    the same users, these stay, and so do domains and roles. Pure.
    """
    removals = _of_services(found, manifest, leaving.types, region, noted)
    if others_share(found, region, {e.id for one in noted for e in found_as(found, one)}):
        return removals
    for name in leaving.users:
        user = found.users.get(Scoped(domain=_domain(manifest, name), name=name).key)
        if user is not None:
            removals.append(Removal(summary=f"delete user {name}", path=("users", user.id)))
    for name in leaving.domains:
        if name in found.domains:
            removals += _of_domain(name, found.domains[name])
    removals += [
        Removal(summary=f"delete role {name}", path=("roles", found.roles[name]))
        for name in leaving.roles
        if name in found.roles
    ]
    return removals


def _of_domain(name: str, domain_id: str) -> list[Removal]:
    # Keystone deletes a domain with all that is in it, and no domain that is enabled.
    return [
        Removal(
            summary=f"disable domain {name}",
            path=("domains", domain_id),
            method="PATCH",
            body={"domain": {"enabled": False}},
        ),
        Removal(summary=f"delete domain {name}", path=("domains", domain_id)),
    ]


def _of_services(
    found: Snapshot,
    manifest: Manifest,
    types: Iterable[str],
    region: str,
    noted: Collection[Registered],
) -> list[Removal]:
    removals: list[Removal] = []
    for service_type in types:
        name = manifest.package.service[service_type].name
        service, _ = chosen_service(found, service_type, name)
        if service is None or service.name != name:
            continue
        endpoints = [e for e in found.endpoints if e.service == service.id]
        noted_ids = {
            e.id for one in noted if one.type == service_type for e in found_as(found, one)
        }
        leaving = [e for e in endpoints if e.region == region or e.id in noted_ids]
        removals += [
            Removal(
                summary=f"delete {e.interface} endpoint of {service_type}: {e.url}",
                path=("endpoints", e.id),
            )
            for e in leaving
        ]
        if len(leaving) == len(endpoints):
            removals.append(
                Removal(
                    summary=f"delete service {service_type} ({name})",
                    path=("services", service.id),
                )
            )
    return removals


def _domain(manifest: Manifest, user: str) -> str:
    return manifest.package.service_user[user].domain
