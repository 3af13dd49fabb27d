# SPDX-License-Identifier: Apache-2.0
"""What the packages of this machine want in Keystone, put together from manifests and site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from debstack.base.secret import Secret
from debstack.runtime.site import EndpointUrls, IdentitySite, Site
from debstack.spec.vocabulary import DEFAULT_DOMAIN, Manifest, ServiceUser

INTERFACES = ("public", "internal", "admin")


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Scoped:
    """A project or user: its name means something only together with its domain's."""

    domain: str
    name: str

    @property
    def key(self) -> str:
        """Both names, as the planning refers to it."""
        return f"{self.domain}/{self.name}"


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedUser:
    """A service user: it is enabled, has this password and these roles.

    It has them on its project, or without one on its domain.
    """

    user: Scoped
    project: Scoped | None
    roles: tuple[str, ...]
    password: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedService:
    """An entry of the catalogue; `urls` by interface."""

    type: str
    name: str
    description: str
    urls: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Everything that is to be in Keystone; declared domains and roles with what they are for."""

    region: str
    declared_domains: Mapping[str, str] = field(default_factory=dict)
    declared_roles: Mapping[str, str] = field(default_factory=dict)
    users: tuple[WantedUser, ...] = ()
    services: tuple[WantedService, ...] = ()

    @property
    def anything(self) -> bool:
        """Whether there is anything to be had besides what Keystone comes with."""
        return bool(self.users or self.services or self.declared_domains or self.declared_roles)

    @property
    def projects(self) -> tuple[Scoped, ...]:
        """The projects that the users need, sorted."""
        return tuple(sorted({user.project for user in self.users if user.project}))

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that are declared, or that users and projects need, sorted."""
        named = {u.user.domain for u in self.users} | {p.domain for p in self.projects}
        return tuple(sorted(named | set(self.declared_domains) | {DEFAULT_DOMAIN}))

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that are declared, or that the users need, sorted."""
        used = {role for user in self.users for role in user.roles}
        return tuple(sorted(used | set(self.declared_roles)))


def _project(declared: ServiceUser) -> Scoped | None:
    if not declared.project:
        return None
    return Scoped(domain=declared.domain, name=declared.project)


def _users(manifest: Manifest, passwords: Mapping[str, Secret]) -> list[WantedUser]:
    return [
        WantedUser(
            user=Scoped(domain=declared.domain, name=name),
            project=_project(declared),
            roles=declared.roles,
            password=passwords[name],
        )
        for name, declared in manifest.package.service_user.items()
    ]


def _services(manifest: Manifest, endpoints: Mapping[str, EndpointUrls]) -> list[WantedService]:
    return [
        WantedService(
            type=service_type,
            name=declared.name,
            description=declared.description,
            urls={
                interface: getattr(endpoints[service_type], interface) for interface in INTERFACES
            },
        )
        for service_type, declared in manifest.package.service.items()
    ]


def wanted_of(manifests: Iterable[Manifest], site: Site, identity: IdentitySite) -> Wanted:
    """Return what `manifests` declare, with the passwords and URLs of `site`."""
    users: dict[str, WantedUser] = {}
    services: dict[str, WantedService] = {}
    domains: dict[str, str] = {}
    roles: dict[str, str] = {}
    for manifest in manifests:
        domains.update({name: d.description for name, d in manifest.package.domain.items()})
        roles.update({name: r.description for name, r in manifest.package.role.items()})
        users.update({u.user.key: u for u in _users(manifest, site.service_passwords)})
        services.update({s.type: s for s in _services(manifest, site.endpoints)})
    return Wanted(
        region=identity.region,
        declared_domains=domains,
        declared_roles=roles,
        users=tuple(users[key] for key in sorted(users)),
        services=tuple(services[key] for key in sorted(services)),
    )
