# SPDX-License-Identifier: Apache-2.0
"""From what is and what is wanted to the requests that make the difference. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from debstack.runtime.keystone.snapshot import FoundEndpoint, FoundService, Snapshot
from debstack.runtime.keystone.wanted import INTERFACES, Scoped, Wanted, WantedService, WantedUser

#: A service must not be locked out by the rules that are meant for people.
USER_OPTIONS = {
    "ignore_change_password_upon_first_use": True,
    "ignore_password_expiry": True,
    "ignore_lockout_failure_attempts": True,
}


@dataclass(frozen=True, slots=True)
class Ref:
    """The id of something that may have to be created first."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One request. Those of a lower phase come first, those of the same one may run at once.

    `yields` says what its answer's id is the id of; `lookup` holds the filters that find what a
    POST makes, where it exists already.
    """

    summary: str
    phase: int
    method: str
    path: tuple[str | Ref, ...]
    body: Mapping[str, Any] | None = field(default=None, repr=False)
    yields: Ref | None = None
    lookup: Mapping[str, str | Ref] = field(default_factory=dict)


def plan(found: Snapshot, wanted: Wanted) -> list[Action]:
    """Return the requests that lead from `found` to `wanted`, in order; none if nothing differs."""
    actions = [
        *_plan_names(found, wanted),
        *(a for project in wanted.projects for a in _plan_project(found, project)),
        *(a for user in wanted.users for a in _plan_user(found, user)),
        *(a for service in wanted.services for a in _plan_service(found, service, wanted.region)),
        *_plan_copies(found, wanted),
    ]
    return sorted(actions, key=lambda action: action.phase)


def known_ids(found: Snapshot) -> dict[Ref, str]:
    """Return the ids of everything in `found` that an action may refer to."""
    ids = {Ref("domain", name): value for name, value in found.domains.items()}
    ids.update({Ref("role", name): value for name, value in found.roles.items()})
    ids.update({Ref("project", key): value.id for key, value in found.projects.items()})
    ids.update({Ref("user", key): value.id for key, value in found.users.items()})
    return ids


def _plan_names(found: Snapshot, wanted: Wanted) -> list[Action]:
    actions = []
    if wanted.region not in found.regions:
        actions.append(
            Action(
                summary=f"create region {wanted.region}",
                phase=0,
                method="PUT",
                path=("regions", wanted.region),
                body={"region": {}},
            )
        )
    for kind, names, there, told in (
        ("domain", wanted.domains, found.domains, wanted.declared_domains),
        ("role", wanted.roles, found.roles, wanted.declared_roles),
    ):
        actions.extend(
            _create_name(kind, name, told.get(name, "")) for name in names if name not in there
        )
    # As a purge leaves one that did not get to its end.
    actions.extend(
        Action(
            summary=f"enable domain {name}",
            phase=0,
            method="PATCH",
            path=("domains", found.domains[name]),
            body={"domain": {"enabled": True}},
        )
        for name in sorted(wanted.declared_domains)
        if name in found.disabled_domains
    )
    return actions


def _create_name(kind: str, name: str, description: str) -> Action:
    told = {"description": description} if description else {}
    return Action(
        summary=f"create {kind} {name}",
        phase=0,
        method="POST",
        path=(f"{kind}s",),
        body={kind: {"name": name, **told}},
        yields=Ref(kind, name),
        lookup={"name": name},
    )


def _plan_project(found: Snapshot, project: Scoped) -> list[Action]:
    there = found.projects.get(project.key)
    if there is None:
        domain = Ref("domain", project.domain)
        return [
            Action(
                summary=f"create project {project.name}",
                phase=1,
                method="POST",
                path=("projects",),
                body={"project": {"name": project.name, "domain_id": domain}},
                yields=Ref("project", project.key),
                lookup={"name": project.name, "domain_id": domain},
            )
        ]
    if there.enabled:
        return []
    return [
        Action(
            summary=f"enable project {project.name}",
            phase=1,
            method="PATCH",
            path=("projects", there.id),
            body={"project": {"enabled": True}},
        )
    ]


def _plan_user(found: Snapshot, wanted: WantedUser) -> list[Action]:
    user = wanted.user
    there = found.users.get(user.key)
    actions = []
    if there is None:
        domain = Ref("domain", user.domain)
        fields = {"name": user.name, "domain_id": domain, "password": wanted.password}
        actions.append(
            Action(
                summary=f"create user {user.name}",
                phase=2,
                method="POST",
                path=("users",),
                body={"user": {**fields, "options": USER_OPTIONS}},
                yields=Ref("user", user.key),
                lookup={"name": user.name, "domain_id": domain},
            )
        )
    elif not there.enabled or not there.password_fits:
        what = "set the password of" if there.enabled else "enable"
        actions.append(
            Action(
                summary=f"{what} user {user.name}",
                phase=2,
                method="PATCH",
                path=("users", there.id),
                body={"user": {"enabled": True, "password": wanted.password}},
            )
        )
    return actions + _plan_roles(found, wanted)


def _plan_roles(found: Snapshot, wanted: WantedUser) -> list[Action]:
    user, project = wanted.user, wanted.project
    scope = Ref("domain", user.domain) if project is None else Ref("project", project.key)
    where = f"{scope.kind} {user.domain if project is None else project.name}"
    ids = known_ids(found)
    actions = []
    for role in wanted.roles:
        refs = (Ref("user", user.key), Ref("role", role), scope)
        if tuple(ids.get(ref) for ref in refs) not in found.assignments:
            actions.append(
                Action(
                    summary=f"give user {user.name} the role {role} on {where}",
                    phase=3,
                    method="PUT",
                    path=(f"{scope.kind}s", scope, "users", refs[0], "roles", refs[1]),
                )
            )
    return actions


def chosen_service(
    found: Snapshot, service_type: str, name: str
) -> tuple[FoundService | None, tuple[FoundService, ...]]:
    """Return the entry that stands for a declared service, and the superfluous copies of it.

    Type and name identify it; one of the type alone will do where it is the only one.
    """
    same_type = [s for s in found.services if s.type == service_type]
    ours = [s for s in same_type if s.name == name]
    if not ours:
        return (same_type[0], ()) if len(same_type) == 1 else (None, ())
    used = {endpoint.service for endpoint in found.endpoints}
    ours.sort(key=lambda service: service.id not in used)
    return ours[0], tuple(ours[1:])


def _plan_service(found: Snapshot, wanted: WantedService, region: str) -> list[Action]:
    there, copies = chosen_service(found, wanted.type, wanted.name)
    actions = [
        Action(
            summary=f"delete a second service {wanted.type} ({copy.name})",
            phase=4,
            method="DELETE",
            path=("services", copy.id),
        )
        for copy in copies
    ]
    fields = {"name": wanted.name, "description": wanted.description, "enabled": True}
    if there is None:
        actions.append(
            Action(
                summary=f"create service {wanted.type} ({wanted.name})",
                phase=1,
                method="POST",
                path=("services",),
                body={"service": {"type": wanted.type, **fields}},
                yields=Ref("service", wanted.type),
                lookup={"type": wanted.type, "name": wanted.name},
            )
        )
    elif there.name != wanted.name or not there.enabled:
        what = "rename" if there.enabled else "enable"
        actions.append(
            Action(
                summary=f"{what} service {wanted.type} ({wanted.name})",
                phase=1,
                method="PATCH",
                path=("services", there.id),
                body={"service": fields},
            )
        )
    for interface in INTERFACES:
        url = wanted.urls[interface]
        actions += _plan_endpoint(found, there, (wanted.type, region, interface), url)
    return actions


def _plan_copies(found: Snapshot, wanted: Wanted) -> list[Action]:
    """Return what has Keystone follow in other regions, which have its URLs of this one."""
    actions = []
    for service in wanted.services:
        there, _ = chosen_service(found, service.type, service.name)
        if there is None or service.type != "identity":
            continue
        mine = [e for e in found.endpoints if e.service == there.id and e.region == wanted.region]
        former = {(e.interface, e.url) for e in mine if e.url != service.urls.get(e.interface)}
        actions += [
            Action(
                summary=f"change {e.interface} endpoint of {service.type} in region {e.region}"
                f" to {service.urls[e.interface]}",
                phase=2,
                method="PATCH",
                path=("endpoints", e.id),
                body={"endpoint": {"url": service.urls[e.interface]}},
            )
            for e in found.endpoints
            if e.service == there.id and e.region != wanted.region
            if (e.interface, e.url) in former
        ]
    return actions


def _plan_endpoint(
    found: Snapshot, service: FoundService | None, key: tuple[str, str, str], url: str
) -> list[Action]:
    service_type, region, interface = key
    name = f"{interface} endpoint of {service_type}"
    there: list[FoundEndpoint] = [
        endpoint
        for endpoint in found.endpoints
        if service is not None
        and (endpoint.service, endpoint.region, endpoint.interface)
        == (service.id, region, interface)
    ]
    if not there:
        service_id = Ref("service", service_type) if service is None else service.id
        fields = {"service_id": service_id, "region_id": region, "interface": interface}
        return [
            Action(
                summary=f"create {name}: {url}",
                phase=2,
                method="POST",
                path=("endpoints",),
                body={"endpoint": {**fields, "url": url, "enabled": True}},
                lookup=fields,
            )
        ]
    there.sort(key=lambda endpoint: (endpoint.url != url, not endpoint.enabled))
    actions = [
        Action(
            summary=f"delete a second {name}: {endpoint.url}",
            phase=4,
            method="DELETE",
            path=("endpoints", endpoint.id),
        )
        for endpoint in there[1:]
    ]
    kept = there[0]
    if kept.url != url or not kept.enabled:
        change = f"change {name} to {url}" if kept.url != url else f"enable {name}"
        actions.append(
            Action(
                summary=change,
                phase=2,
                method="PATCH",
                path=("endpoints", kept.id),
                body={"endpoint": {"url": url, "enabled": True}},
            )
        )
    return actions
