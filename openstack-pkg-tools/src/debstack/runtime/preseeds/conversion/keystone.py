# SPDX-License-Identifier: Apache-2.0
"""Where Keystone is: on this machine, as other lines tell, its URL is not an answer of ours. Pure.

Debian's packages are told Keystone's URL on the machine of Keystone too.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence

from debstack.runtime.preseeds.conversion.outcome import Candidate, Kind, Note
from debstack.runtime.preseeds.conversion.values import host_of
from debstack.runtime.urls import is_loopback

_URL = "openstack/identity-url"
_PUBLIC_HOST = "openstack/public-host"
_INTERNAL_HOST = "openstack/internal-host"


def is_here(names: Iterable[str]) -> bool:
    """Say whether answers to the questions `names` are for a machine with Keystone."""
    return any(name.startswith("keystone/") for name in names)


def _needless(candidate: Candidate, message: str) -> Note:
    return Note(line=candidate.line, question=candidate.origin, kind=Kind.NEEDLESS, message=message)


def place(candidates: Sequence[Candidate], *, here: bool) -> tuple[list[Candidate], list[Note]]:
    """Return `candidates` with those for Keystone's URL put where they belong, and notes.

    On the machine of Keystone its host is the one at which services reach each other. Elsewhere a
    URL of the machine itself cannot be meant.
    """
    public = {c.value for c in candidates if c.target == _PUBLIC_HOST}
    kept: list[Candidate] = []
    notes: list[Note] = []
    for candidate in candidates:
        host = host_of(candidate.value)
        if candidate.target != _URL:
            kept.append(candidate)
        elif is_loopback(host):
            notes.append(_needless(candidate, "the Keystone of this machine is used unasked"))
        elif not here:
            kept.append(candidate)
        elif host in public:
            notes.append(_needless(candidate, f"Keystone is on this machine; see {_PUBLIC_HOST}"))
        else:
            kept.append(dataclasses.replace(candidate, target=_INTERNAL_HOST, value=host))
    return kept, notes
