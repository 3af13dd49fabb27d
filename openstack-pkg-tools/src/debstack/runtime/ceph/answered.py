# SPDX-License-Identifier: Apache-2.0
"""What answers say of Ceph, and which pools a source uses with them. Pure."""

from __future__ import annotations

import base64
import binascii
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from debstack.base.errors import AnswerError
from debstack.base.secret import Secret
from debstack.runtime.site import NO_SECRET, Site
from debstack.runtime.urls import bracketed
from debstack.spec.vocabulary import CephPool, Manifest

MONITORS = "openstack/ceph-monitors"
USER = "openstack/ceph-user"
KEY = "openstack/ceph-key"
AUTOMATIC = "automatic"
#: Of Ceph's keys: what kind of key (2 bytes), when it was made (8), and its length (2).
_KEY_HEAD_BYTES = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceph:
    """Where Ceph is, and how services log in to it."""

    #: As mon_host has them.
    monitors: tuple[str, ...]
    #: Without `client.`.
    user: str
    key: Secret = field(repr=False)


def _checked_key(user: str, key: Secret) -> Secret:
    show = f"on a node of Ceph: ceph auth get-key client.{user}"
    give = f"here: debstack secrets set {KEY}; then: debstack apply"
    if not key:
        raise AnswerError(
            KEY, f"needed to log in to Ceph as client.{user}, and not given", hint=f"{show}; {give}"
        )
    try:
        length = len(base64.b64decode(key, validate=True))
    except (binascii.Error, ValueError):
        length = 0
    if length <= _KEY_HEAD_BYTES:
        raise AnswerError(
            KEY, "expected a key as Ceph prints it, found something else", hint=f"{show}; {give}"
        )
    return key


def ceph_of(site: Site) -> Ceph | None:
    """Return the Ceph of `site`, None where there is none. Raises AnswerError."""
    answer = site.answers.get(MONITORS, "")
    if not answer:
        return None
    user = site.answers.get(USER, "")
    if user.startswith("client."):
        raise AnswerError(
            USER,
            f'expected the name without "client.", found "{user}"',
            hint=f"run: debstack answers set {USER} {user.removeprefix('client.')}",
        )
    hosts = [item.strip() for item in answer.split(",") if item.strip()]
    monitors = tuple(bracketed(host) if host.count(":") > 1 else host for host in hosts)
    return Ceph(
        monitors=monitors, user=user, key=_checked_key(user, site.secrets.get(KEY, NO_SECRET))
    )


def secret_uuid(site: Site) -> str | None:
    """Return the UUID of the libvirt secret with the key: on all machines of a cloud the same."""
    if not site.answers.get(MONITORS):
        return None
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"ceph:client.{site.answers.get(USER, '')}"))


def pools_in_use(site: Site, manifests: Sequence[Manifest]) -> tuple[CephPool, ...]:
    """Return the pools that the packages of a source use, by the answers, Ceph being there."""
    return tuple(
        pool
        for manifest in manifests
        if manifest.package.ceph is not None
        for pool in manifest.package.ceph.pool
        if site.answers.get(pool.question) in pool.answers
    )
