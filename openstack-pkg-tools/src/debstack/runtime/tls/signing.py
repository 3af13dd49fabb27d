# SPDX-License-Identifier: Apache-2.0
"""The authority on the cloud's first machine: whom it invites, and what it signs for them.

An invitation is a secret that debstack export hands out, kept here as its hash. It is good for
some time, once if it is for one machine, and ends there. A name that is the cloud's own, or that
another machine has a certificate for, is not given away.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from debstack.base.secret import Secret, generate_secret
from debstack.runtime.cells.places import came_path
from debstack.runtime.files import WantedFile, make_folder, read_text, remove, write
from debstack.runtime.tls import issuing, places, reading, request
from debstack.runtime.tls.request import Refused, Request

INVITATIONS = "/var/lib/debstack/tls/invitations"
ISSUED = "/var/lib/debstack/tls/issued"
LOCK = "/var/lib/debstack/tls/lock"
VALID = timedelta(hours=24)
_NODE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9.-]{0,62}[A-Za-z0-9])?")
_EXPORT = "on the cloud's first machine, run again: debstack export"


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Who may have a certificate by showing a certain secret."""

    #: The machine; empty for any.
    node: str
    #: Seconds since 1970, when it ends.
    until: float
    #: Names that are the cloud's own, and that this machine may have nevertheless.
    names: tuple[str, ...] = ()
    #: The cell of Nova that this machine is for; empty for none.
    cell: str = ""


def _path(root: Path, secret: Secret) -> Path:
    digest = hashlib.sha256(secret.encode()).hexdigest()
    return root / INVITATIONS.lstrip("/") / f"{digest}.json"


def _read(path: Path) -> Invitation | None:
    text = read_text(path)
    if text is None:
        return None
    found = json.loads(text)
    return Invitation(
        node=found["node"],
        until=found["until"],
        names=tuple(found["names"]),
        cell=found.get("cell", ""),
    )


def invite(
    root: Path,
    now: datetime,
    *,
    node: str = "",
    names: tuple[str, ...] = (),
    cell: str = "",
    valid: timedelta,
) -> Secret:
    """Return a new secret by which a machine gets a certificate; sweep those that have ended."""
    folder = root / INVITATIONS.lstrip("/")
    make_folder(folder)
    for path in folder.glob("*.json"):
        found = _read(path)
        if found is not None and found.until < now.timestamp():
            remove(path)
    secret = generate_secret()
    made = Invitation(node=node, until=(now + valid).timestamp(), names=names, cell=cell)
    write(WantedFile(path=_path(root, secret), content=json.dumps(asdict(made)), mode=0o600))
    return secret


def issued_path(root: Path, node: str) -> Path:
    """Return where the last certificate that the machine `node` got is kept."""
    return root / ISSUED.lstrip("/") / f"{node}.crt"


def _others(root: Path, node: str, now: datetime) -> dict[str, str]:
    """Return the names that other machines have valid certificates for, and which have."""
    found: dict[str, str] = {}
    for path in sorted((root / ISSUED.lstrip("/")).glob("*.crt")):
        certificate = reading.chain_of(path.read_text(encoding="ascii"))[0]
        if path.stem != node and certificate.not_valid_after_utc > now:
            found |= dict.fromkeys(reading.names_of(certificate), path.stem)
    return found


def _own_names(root: Path) -> frozenset[str]:
    text = read_text(root / places.CERTIFICATE.lstrip("/"))
    return reading.names_of(reading.chain_of(text)[0]) if text else frozenset()


def _check_names(root: Path, asked: Request, allowed: tuple[str, ...], now: datetime) -> None:
    if not _NODE.fullmatch(asked.node):
        raise Refused(f"expected the name of a machine, found {asked.node!r}")
    if not asked.names:
        raise Refused("the request names nothing")
    others = _others(root, asked.node, now)
    own = _own_names(root) - set(allowed)
    for name in asked.names:
        if name in own:
            raise Refused(f"{name} is a name of the cloud's first machine")
        if name in others and name not in allowed:  # several machines can be the public face
            raise Refused(
                f"{name} is a name of the machine {others[name]}; if that is gone, run on the"
                f" cloud's first machine: debstack forget {others[name]}"
            )


def _newly_invited(root: Path, asked: Request, now: datetime) -> Invitation | None:
    """Return the invitation that a machine with a certificate shows besides, if that is good.

    One that has ended is no obstacle: the certificate is enough for the names that are in it.
    """
    found = _read(_path(root, asked.secret)) if asked.secret else None
    if found is None or found.until < now.timestamp() or found.node not in ("", asked.node):
        return None
    return found


def _same_key(first: x509.Certificate, second: Request) -> bool:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    encoding = serialization.Encoding.DER
    return first.public_key().public_bytes(encoding, form) == second.key.public_bytes(
        encoding, form
    )


def _invited(root: Path, asked: Request, now: datetime) -> Invitation:
    path = _path(root, asked.secret)
    found = _read(path)
    if found is None or found.until < now.timestamp():
        raise Refused(f"the join secret is unknown, used up, or has ended; {_EXPORT}")
    if found.node and found.node != asked.node:
        raise Refused(f"the join secret is for the machine {found.node}, not for {asked.node}")
    before = read_text(issued_path(root, asked.node))
    if before and not found.node:
        certificate = reading.chain_of(before)[0]
        if certificate.not_valid_after_utc > now and not _same_key(certificate, asked):
            raise Refused(
                f"the machine {asked.node} has a certificate already; if this is it, made anew, run"
                f" on the cloud's first machine: debstack export --node {asked.node}; if it is"
                f" gone: debstack forget {asked.node}"
            )
    return found


def _known(root: Path, authority: str, asked: Request, now: datetime) -> tuple[str, ...]:
    """Return which of the cloud's own names a machine with a certificate has already."""
    certificate = asked.certificate
    if certificate is None or not reading.good(authority, certificate, now):
        raise Refused(f"your certificate is not by this authority, or has ended; {_EXPORT}")
    last = read_text(issued_path(root, asked.node))
    if last is None or reading.chain_of(last)[0] != certificate:
        raise Refused(f"your certificate is not the last one of {asked.node}; {_EXPORT}")
    return tuple(reading.names_of(certificate))


@contextmanager
def _alone(root: Path) -> Iterator[None]:
    path = root / LOCK.lstrip("/")
    with path.open("a", encoding="ascii") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sign(root: Path, text: bytes, now: datetime) -> str:
    """Return the certificate (PEM) that was asked for. Raises Refused."""
    authority = places.held(root, places.AUTHORITY_KEY, places.AUTHORITY)
    if authority is None:
        raise Refused("there is no authority on this machine")
    asked = request.read(text)
    with _alone(root):
        if asked.certificate is not None:
            allowed = _known(root, authority.certificate, asked, now)
            invitation = _newly_invited(root, asked, now)
        else:
            allowed = ()
            invitation = _invited(root, asked, now)
        if invitation is not None:
            allowed += invitation.names
        _check_names(root, asked, allowed, now)
        certificate = issuing.signed(authority, asked.key, asked.node, asked.names, now)
        make_folder(root / ISSUED.lstrip("/"))
        write(WantedFile(path=issued_path(root, asked.node), content=certificate))
        if invitation is not None and invitation.cell:
            came = came_path(root, invitation.cell)
            make_folder(came.parent)
            write(WantedFile(path=came, content=asked.node))
        if invitation is not None and invitation.node:
            remove(_path(root, asked.secret))
    return certificate
