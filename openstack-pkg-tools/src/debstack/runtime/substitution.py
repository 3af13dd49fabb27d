# SPDX-License-Identifier: Apache-2.0
"""Filling in the ${…} of declared values, and making the sections of a drop-in from them. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable

from debstack.base.errors import ConfigurationError
from debstack.base.secret import Secret
from debstack.runtime.ceph.answered import secret_uuid
from debstack.runtime.ini import escaped, paste_escaped, percent_escaped
from debstack.runtime.own_hosts import own_hosts
from debstack.runtime.python_settings import Literal
from debstack.runtime.site import RingsSite, Site, TlsMode
from debstack.runtime.urls import bracketed, is_loopback
from debstack.spec import copies
from debstack.spec.vocabulary import (
    Condition,
    Config,
    Dialect,
    Manifest,
    Sections,
    Value,
)

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")

#: By dialect, what makes a value safe that stands within another one; Paste Deploy's readers
#: look at the whole value.
_ESCAPES: dict[Dialect, Callable[[str], str]] = {
    Dialect.OSLO: escaped,
    Dialect.PASTE: lambda value: value,
    Dialect.RSYNC: lambda value: value,
}

_RINGS: dict[str, Callable[[RingsSite], str]] = {
    "rings": lambda rings: rings.way,
    "rings-source": lambda rings: rings.source,
    "storage-address": lambda rings: rings.address,
}

Rendered = dict[str, dict[str, list[str | int | bool]]]


def _endpoint(site: Site, reference: str) -> str | None:
    parts = reference.split(".")
    urls = site.endpoints.get(parts[0])
    if urls is None:
        return None
    suffix = "_base" if parts[2:] == ["base"] else ""
    value: str = getattr(urls, f"{parts[1]}{suffix}")
    return value


def _plain(site: Site) -> dict[str, str | None]:
    public_host = site.answers.get("openstack/public-host") or site.management_address
    return {
        "ceph-secret": secret_uuid(site),
        "identity.url": site.identity.url if site.identity else None,
        "identity.url.base": site.identity.url.removesuffix("/v3") if site.identity else None,
        "identity.public-url": site.identity.public_url if site.identity else None,
        "ovsdb-protocol": _ovsdb_protocol(site),
        "memcached-servers": ",".join(site.memcached_servers),
        "bind-address": site.bind_address,
        "management-address": site.management_address,
        "management-host": bracketed(site.management_address),
        "messaging-hosts": ",".join(site.broker.hosts_outside),
        "messaging-ca": site.broker.ca_outside,
        "public-host": public_host,
        "public-host.url": bracketed(public_host),
        "public-protocol": site.public_protocol,
        "internal-protocol": site.internal_protocol,
    }


def _ovsdb_protocol(site: Site) -> str:
    """Return how other machines reach what keeps a database as Open vSwitch does: ssl, or tcp.

    A machine whose authority is elsewhere, in the first region, can invite nobody to have what it
    would ask for.
    """
    tls = site.tls
    lets_in = bool(site.certificates and tls.peers) and not tls.authority
    return "ssl" if lets_in and not is_loopback(site.management_address) else "tcp"


def _certificate(site: Site, source: str, name: str) -> str | None:
    """Return the path of a copy of this machine's certificate, or what else is shown with it."""
    declared = site.certificates.get(source)
    if declared is None or not site.tls.peers:
        return None
    key, file = copies.paths_of(declared)
    return {"key": key, "file": file, "authority": site.tls.peers}.get(name)


def _authority(site: Site) -> str | None:
    """Return the certificate that other machines of the cloud are to trust, as answers have it."""
    given = site.answers.get("openstack/authority")
    if given or site.tls.mode is not TlsMode.LOCAL_CA:
        return given
    own = site.traits.get("authority")
    return own() if own else None


def _generic(site: Site, manifest: Manifest, kind: str, name: str) -> str | None:
    if kind == "database":
        account = site.accounts.get((manifest.source, name))
        return account.url if account else None
    if kind == "messaging":
        virtual_host = site.messaging.get(name)
        return virtual_host.url if virtual_host else None
    if kind == "service-user":
        return site.service_passwords.get(name.removesuffix(".password"))
    if kind == "answer":
        return site.answers.get(name)
    if kind == "secret":
        return site.secrets.get(name)
    if kind == "endpoint":
        return _endpoint(site, name)
    if kind == "certificate":
        return _certificate(site, manifest.source, name)
    raise ConfigurationError(
        f"{manifest.binary}: ${{{kind}.{name}}}: unknown reference",
        hint="this package is newer than debstack: upgrade debstack",
    )


def looked_up(site: Site, manifest: Manifest, reference: str) -> str | None:
    """Return what ${reference} stands for; None or empty where this machine has no such thing.

    Raises ConfigurationError for a reference of an unknown kind.
    """
    plain = _plain(site)
    if reference in plain:
        return plain[reference]
    if reference == "authority":
        return _authority(site)
    if reference == "own-hosts":
        return ",".join(own_hosts(site))
    if reference == "volume-type":
        return _volume_type(site, manifest)
    if reference in _RINGS:
        rings = site.rings.get(manifest.source)
        return None if rings is None else _RINGS[reference](rings)
    if reference in site.traits:
        return site.traits[reference]()
    kind, _, name = reference.partition(".")
    return _generic(site, manifest, kind, name)


def filled(
    site: Site, manifest: Manifest, text: str, escape: Callable[[str], str] = escaped
) -> str | None:
    """Return `text` with its references replaced and escaped; None to leave the key out."""
    secret = False
    pieces: list[str] = []
    position = 0
    for match in _REFERENCE.finditer(text):
        value = looked_up(site, manifest, match[1])
        if not value:
            return None
        secret = secret or isinstance(value, Secret)
        pieces += [text[position : match.start()], escape(value)]
        position = match.end()
    result = "".join([*pieces, text[position:]])
    return Secret(result) if secret else result


def verbatim(site: Site, manifest: Manifest, text: str) -> str | None:
    """Return `text` with its references replaced as they are; None where one stands for nothing."""
    return filled(site, manifest, text, lambda value: value)


def _values(
    site: Site, manifest: Manifest, value: Value, escape: Callable[[str], str]
) -> list[str | int | bool]:
    items = value if isinstance(value, tuple) else (value,)
    found = (filled(site, manifest, i, escape) if isinstance(i, str) else i for i in items)
    return [item for item in found if item is not None]


def holds(site: Site, manifest: Manifest, condition: Condition | None) -> bool:
    """Say whether `condition` is met; none at all always is."""
    if condition is None:
        return True
    asked = bool(condition.question)
    if asked and site.answers.get(condition.question, "") != condition.equals:
        return False
    if not condition.present:
        return asked
    found = looked_up(site, manifest, condition.present)
    wanted = "" if asked else condition.equals
    return found == wanted if wanted else bool(found)


def _merged(site: Site, manifest: Manifest, config: Config) -> Sections:
    layers = [config.set]
    layers += [c.set for c in config.when if holds(site, manifest, c)]
    merged: Sections = {}
    for layer in layers:
        for section, keys in layer.items():
            merged[section] = {**merged.get(section, {}), **keys}
    return merged


def volume_backends(site: Site, manifest: Manifest) -> tuple[str, ...]:
    """Return the names of the back ends that this machine keeps volumes in, by its answers."""
    types = manifest.package.volume_types
    if types is None or not site.answers.get(f"{manifest.question_prefix}/backend"):
        return ()
    merged = _merged(site, manifest, manifest.package.config[types.config])
    enabled = str(merged.get("DEFAULT", {}).get("enabled_backends", ""))
    return tuple(str(merged[name]["volume_backend_name"]) for name in enabled.split(",") if name)


def known_backends(manifest: Manifest) -> frozenset[str]:
    """Return the names of all back ends that a machine could be told to keep volumes in."""
    types = manifest.package.volume_types
    if types is None:
        return frozenset()
    config = manifest.package.config[types.config]
    layers = (config.set, *(conditional.set for conditional in config.when))
    found = (keys.get("volume_backend_name") for layer in layers for keys in layer.values())
    return frozenset(str(name) for name in found if name)


def _volume_type(site: Site, manifest: Manifest) -> str | None:
    """Return the type of volumes for which nobody names one, if this machine knows of one."""
    answered = site.answers.get(f"{manifest.question_prefix}/default-volume-type")
    return answered or next(iter(volume_backends(site, manifest)), None)


def sections_of(site: Site, manifest: Manifest, config: Config) -> Rendered:
    """Return section to key to values of the drop-in; what refers to nothing here is left out."""
    found: Rendered = {}
    escape = _ESCAPES.get(config.dialect, percent_escaped)
    for section, keys in _merged(site, manifest, config).items():
        for key, value in keys.items():
            values = _values(site, manifest, value, escape)
            if config.dialect is Dialect.PASTE:
                values = [paste_escaped(v) if isinstance(v, str) else v for v in values]
            if values:
                found.setdefault(section, {})[key] = values
    return found


def _items(site: Site, manifest: Manifest, text: str) -> list[str]:
    """Return one element of an array; several where it is a reference that stands for a list."""
    found = verbatim(site, manifest, text)
    if found is None:
        return []
    alone = _REFERENCE.fullmatch(text) and not isinstance(found, Secret)
    return found.split(",") if alone else [found]


def settings_of(site: Site, manifest: Manifest, config: Config) -> dict[str, dict[str, Literal]]:
    """Return section to key to value for Python; what refers to nothing here is left out."""
    found: dict[str, dict[str, Literal]] = {}
    for section, keys in _merged(site, manifest, config).items():
        for key, value in keys.items():
            made: Literal | None = None
            if isinstance(value, tuple):
                items = [item for text in value for item in _items(site, manifest, text)]
                made = items if items or not value else None
            elif isinstance(value, str):
                made = verbatim(site, manifest, value)
            else:
                made = value
            if made is not None:
                found.setdefault(section, {})[key] = made
    return found
