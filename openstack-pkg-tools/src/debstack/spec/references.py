# SPDX-License-Identifier: Apache-2.0
"""The ${…} references that values of openstack.toml may hold: finding and checking them."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from debstack.spec.load import suggestion
from debstack.spec.vocabulary import Value

_REFERENCE = re.compile(r"\$\{([^{}]*)\}")
_ENDPOINT = re.compile(r"endpoint\.(?P<type>[a-z0-9-]+)\.(?P<interface>[a-z]+)(?P<base>\.base)?")
_INTERFACES = ("public", "internal", "admin")
_VIRTUAL_HOST = re.compile(r"[a-z][a-z0-9_-]*")
_CERTIFICATE = ("key", "file", "authority")
_SECRET = re.compile(r"secret\.[a-z0-9][a-z0-9/-]*")
#: References that need no declaration.
PLAIN = (
    "identity.url",
    "identity.url.base",
    "identity.public-url",
    "memcached-servers",
    "bind-address",
    "authority",
    "public-protocol",
    "internal-protocol",
    "management-address",
    "management-host",
    "messaging-ca",
    "messaging-hosts",
    "public-host",
    "public-host.url",
    "hostname",
    "own-hosts",
    "time-zone",
    "cpus",
    "hypervisor",
    "openvswitch-datapath",
    "ovsdb-protocol",
    "volume-group",
    "volume-type",
    "ceph-secret",
    "rings",
    "rings-source",
    "storage-address",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """The names that references may point to, collected from a component."""

    databases: frozenset[str]
    virtual_hosts: frozenset[str]
    service_users: frozenset[str]
    #: Full names, the shared questions included.
    questions: frozenset[str]
    service_types: frozenset[str]
    #: Whether a package of the component has the certificate of the machine.
    certificate: bool = False


def references(value: Value) -> tuple[str, ...]:
    """Return the names inside every ${…} of `value`, in order; none for numbers and booleans."""
    texts = value if isinstance(value, tuple) else (value,)
    return tuple(name for t in texts if isinstance(t, str) for name in _REFERENCE.findall(t))


def _named(kind: str, name: str, known: frozenset[str]) -> str | None:
    if name in known:
        return None
    return f"no {kind} is declared with the name {name}{suggestion(name, list(known))}"


def _slip(kind: str, name: str, known: frozenset[str]) -> str | None:
    # Another component may bring it; what is nearly one of ours is a slip of the pen.
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.8)
    return f'unknown {kind} (did you mean "{close[0]}"?)' if close and name not in known else None


def _endpoint_problem(reference: str, known: Known) -> str | None:
    match = _ENDPOINT.fullmatch(reference)
    if match is None:
        return "expected ${endpoint.TYPE.INTERFACE} or ${endpoint.TYPE.INTERFACE.base}"
    if match["interface"] not in _INTERFACES:
        return f"expected one of {', '.join(_INTERFACES)}, got {match['interface']}"
    return _slip("service type", match["type"], known.service_types)


def _messaging_problem(name: str, known: Known) -> str | None:
    if not _VIRTUAL_HOST.fullmatch(name):
        return "expected ${messaging.NAME}"
    return _slip("virtual host", name, known.virtual_hosts)


def _certificate_problem(name: str, known: Known) -> str | None:
    if name not in _CERTIFICATE:
        return f"expected one of {', '.join(_CERTIFICATE)}, got {name}"
    return None if known.certificate else "no package of this source declares a certificate"


def problem(reference: str, known: Known) -> str | None:
    """Return what is wrong with the name inside a ${…}, or None."""
    if reference in PLAIN:
        return None
    kind, _, name = reference.partition(".")
    if kind == "database":
        return _named("database", name, known.databases)
    if kind == "messaging":
        return _messaging_problem(name, known)
    if kind == "answer":
        return _named("question", name, known.questions)
    if kind == "endpoint":
        return _endpoint_problem(reference, known)
    if kind == "certificate":
        return _certificate_problem(name, known)
    if kind == "service-user":
        user, _, attribute = name.rpartition(".")
        if attribute != "password":
            return "expected ${service-user.NAME.password}"
        return _named("service user", user, known.service_users)
    if kind == "secret":
        return None if _SECRET.fullmatch(reference) else "expected ${secret.NAME}"
    kinds = ("database", "messaging", "answer", "endpoint", "certificate", "service-user", "secret")
    known_ones = [*PLAIN, *(f"{one}." for one in kinds)]
    return f"unknown reference{suggestion(reference, known_ones)}"


def malformed(value: Value) -> bool:
    """Say whether `value` opens a ${ that is not closed."""
    texts = value if isinstance(value, tuple) else (value,)
    return any("${" in _REFERENCE.sub("", text) for text in texts if isinstance(text, str))
