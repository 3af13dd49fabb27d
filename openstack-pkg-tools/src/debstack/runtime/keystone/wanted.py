# SPDX-License-Identifier: Apache-2.0
"""What the packages of this machine want in Keystone, put together from manifests and site."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from debstack.base.secret import Secret
from debstack.runtime.site import EndpointUrls, IdentitySite, Site
from debstack.spec.vocabulary import Manifest

DEFAULT_DOMAIN = "Default"
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
    """A service user: it is enabled, has this password and these roles on its project."""

    user: Scoped
    project: Scoped
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
    """Everything that is to be in Keystone."""

    region: str
    users: tuple[WantedUser, ...] = ()
    services: tuple[WantedService, ...] = ()

    @property
    def projects(self) -> tuple[Scoped, ...]:
        """The projects that the users need, sorted."""
        return tuple(sorted({user.project for user in self.users}))

    @property
    def domains(self) -> tuple[str, ...]:
        """The domains that the users and projects need, sorted."""
        named = {u.user.domain for u in self.users} | {p.domain for p in self.projects}
        return tuple(sorted(named | {DEFAULT_DOMAIN}))

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that the users need, sorted."""
        return tuple(sorted({role for user in self.users for role in user.roles}))


def _users(manifest: Manifest, passwords: Mapping[str, Secret]) -> list[WantedUser]:
    return [
        WantedUser(
            user=Scoped(domain=declared.domain, name=name),
            project=Scoped(domain=declared.domain, name=declared.project),
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
    for manifest in manifests:
        users.update({u.user.key: u for u in _users(manifest, site.service_passwords)})
        services.update({s.type: s for s in _services(manifest, site.endpoints)})
    return Wanted(
        region=identity.region,
        users=tuple(users[key] for key in sorted(users)),
        services=tuple(services[key] for key in sorted(services)),
    )
