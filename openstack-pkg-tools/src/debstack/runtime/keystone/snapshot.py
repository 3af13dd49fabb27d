# SPDX-License-Identifier: Apache-2.0
"""What is in Keystone, as far as this machine's packages are concerned, each thing read once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from debstack.runtime.keystone.session import Keystone
from debstack.runtime.keystone.wanted import Scoped, Wanted, WantedUser

#: As many requests at once as a Keystone of two processes with four threads takes.
THREADS = 8
T = TypeVar("T")
R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundService:
    """An entry of the catalogue."""

    id: str
    type: str
    name: str
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundEndpoint:
    """A URL of a catalogue entry."""

    id: str
    service: str
    region: str
    interface: str
    url: str
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundUser:
    """A user, and whether the password that it should have is the one it has."""

    id: str
    enabled: bool = True
    password_fits: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FoundProject:
    """A project."""

    id: str
    enabled: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """Projects and users are keyed by `Scoped.key`.

    Assignments are ids of (user, role, project or domain), which share no id.
    """

    regions: frozenset[str] = frozenset()
    domains: Mapping[str, str] = field(default_factory=dict)
    disabled_domains: frozenset[str] = frozenset()
    roles: Mapping[str, str] = field(default_factory=dict)
    projects: Mapping[str, FoundProject] = field(default_factory=dict)
    users: Mapping[str, FoundUser] = field(default_factory=dict)
    services: tuple[FoundService, ...] = ()
    endpoints: tuple[FoundEndpoint, ...] = ()
    assignments: frozenset[tuple[str, str, str]] = frozenset()


def in_parallel(work: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Return `work` of each of `items`, several at a time; the first error is raised."""
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        return list(pool.map(work, items))


def _scoped(keystone: Keystone, collection: str, domain_id: str | None, name: str) -> Any:
    """Return the one member of that name in that domain, or None."""
    if domain_id is None:
        return None
    # Asked for by name, since a cloud may have more of them than Keystone lists at once.
    found = keystone.list(collection, name=name, domain_id=domain_id)
    return found[0] if found else None


def take_snapshot(keystone: Keystone, wanted: Wanted) -> Snapshot:
    """Log in, and return what Keystone has of what `wanted` is about. Raises IdentityError."""
    with ThreadPoolExecutor(max_workers=THREADS) as pool:
        # Each login costs Keystone a quarter of a second: all of them, and ours, at once.
        fits = [pool.submit(keystone.accepts, u.user, u.password) for u in wanted.users]
        keystone.log_in()
        found = _read(keystone, wanted)
        password_fits = [future.result() for future in fits]
    users = zip(wanted.users, found.users, password_fits, strict=True)
    return replace(
        found.snapshot,
        users={
            declared.user.key: FoundUser(
                id=user["id"], enabled=user["enabled"], password_fits=bool(user["enabled"]) and fit
            )
            for declared, user, fit in users
            if user
        },
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """All but the users, and each wanted user as Keystone tells it, or None."""

    snapshot: Snapshot
    users: list[Any]


def _read(keystone: Keystone, wanted: Wanted) -> _Found:
    lists = ("regions", "domains", "roles", "services", "endpoints")
    regions, domains, roles, services, endpoints = in_parallel(keystone.list, lists)
    domain_ids = {domain["name"]: str(domain["id"]) for domain in domains}

    def project(scoped: Scoped) -> Any:
        return _scoped(keystone, "projects", domain_ids.get(scoped.domain), scoped.name)

    found_projects = in_parallel(project, wanted.projects)
    projects = {
        scoped.key: FoundProject(id=found["id"], enabled=found["enabled"])
        for scoped, found in zip(wanted.projects, found_projects, strict=True)
        if found
    }

    def user(declared: WantedUser) -> Any:
        scoped = declared.user
        return _scoped(keystone, "users", domain_ids.get(scoped.domain), scoped.name)

    found_users = in_parallel(user, wanted.users)

    def assignments(scope: tuple[str, str]) -> list[dict[str, Any]]:
        kind, scope_id = scope
        return keystone.list("role_assignments", **{f"scope__{kind}__id": scope_id})

    scopes = [("project", found.id) for found in projects.values()]
    alone = {user.user.domain for user in wanted.users if user.project is None}
    scopes += [("domain", domain_ids[name]) for name in sorted(alone & set(domain_ids))]
    listed = in_parallel(assignments, scopes)
    snapshot = Snapshot(
        regions=frozenset(region["id"] for region in regions),
        domains=domain_ids,
        disabled_domains=frozenset(d["name"] for d in domains if not d["enabled"]),
        # Roles of a domain share the name space of nobody: only the global ones count.
        roles={role["name"]: role["id"] for role in roles if not role.get("domain_id")},
        projects=projects,
        services=tuple(found_service(found) for found in services),
        endpoints=tuple(found_endpoint(found) for found in endpoints),
        assignments=frozenset(
            (a["user"]["id"], a["role"]["id"], a["scope"][kind]["id"])
            for (kind, _), of_scope in zip(scopes, listed, strict=True)
            for a in of_scope
            if "user" in a and "OS-INHERIT:inherited_to" not in a["scope"]
        ),
    )
    return _Found(snapshot=snapshot, users=found_users)


def found_service(found: dict[str, Any]) -> FoundService:
    """Return an entry of the catalogue from what Keystone answers."""
    return FoundService(
        id=found["id"],
        type=found["type"],
        name=found.get("name") or "",
        enabled=found["enabled"],
    )


def found_endpoint(found: dict[str, Any]) -> FoundEndpoint:
    """Return an endpoint from what Keystone answers."""
    return FoundEndpoint(
        id=found["id"],
        service=found["service_id"],
        region=found["region_id"] or "",
        interface=found["interface"],
        url=found["url"],
        enabled=found["enabled"],
    )
