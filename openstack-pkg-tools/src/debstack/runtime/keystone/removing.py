# SPDX-License-Identifier: Apache-2.0
"""From what is in Keystone to the requests that take one package out of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from debstack.runtime.keystone.planning import chosen_service
from debstack.runtime.keystone.session import Keystone
from debstack.runtime.keystone.snapshot import FoundUser, Snapshot, found_endpoint, found_service
from debstack.runtime.keystone.wanted import Scoped
from debstack.spec.vocabulary import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """One thing that is deleted."""

    summary: str
    path: tuple[str, ...]


def take_removal_snapshot(keystone: Keystone, manifest: Manifest, users: Iterable[str]) -> Snapshot:
    """Return services, endpoints and those of `users` that there are. Raises IdentityError."""
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
        users=found,
        services=tuple(found_service(s) for s in keystone.list("services")),
        endpoints=tuple(found_endpoint(e) for e in keystone.list("endpoints")),
    )


def plan_removal(
    found: Snapshot, manifest: Manifest, users: Iterable[str], types: Iterable[str], region: str
) -> list[Removal]:
    """Return what to delete: `users`, and the endpoints in `region` of the services `types`.

    A service goes with its last endpoint, since another region may have it too. Pure.
    """
    removals: list[Removal] = []
    for service_type in types:
        name = manifest.package.service[service_type].name
        service, _ = chosen_service(found, service_type, name)
        if service is None or service.name != name:
            continue
        endpoints = [e for e in found.endpoints if e.service == service.id]
        removals += [
            Removal(
                summary=f"delete {e.interface} endpoint of {service_type}: {e.url}",
                path=("endpoints", e.id),
            )
            for e in endpoints
            if e.region == region
        ]
        if all(e.region == region for e in endpoints):
            removals.append(
                Removal(
                    summary=f"delete service {service_type} ({name})",
                    path=("services", service.id),
                )
            )
    for name in users:
        user = found.users.get(Scoped(domain=_domain(manifest, name), name=name).key)
        if user is not None:
            removals.append(Removal(summary=f"delete user {name}", path=("users", user.id)))
    return removals


def _domain(manifest: Manifest, user: str) -> str:
    return manifest.package.service_user[user].domain
