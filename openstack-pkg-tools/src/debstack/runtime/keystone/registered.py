# SPDX-License-Identifier: Apache-2.0
"""Which endpoints this machine has made, so that they can be told from those of others.

Keystone does not tell who made an endpoint, and a catalogue may hold several regions: one URL may
stand in more than one of them, for different people. What is noted here says only what was ours;
whether it is still there is read from Keystone.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

from debstack.base.errors import ConfigurationError, SpecError
from debstack.runtime.files import WantedFile, read_text
from debstack.runtime.keystone.planning import chosen_service
from debstack.runtime.keystone.snapshot import FoundEndpoint, Snapshot
from debstack.runtime.keystone.wanted import Wanted
from debstack.spec.load import load

FILE = "/var/lib/debstack/registered.json"


@dataclass(frozen=True, slots=True, kw_only=True, order=True)
class Registered:
    """An endpoint as this machine wrote it; `type` and `name` are those of its service."""

    region: str
    type: str
    name: str
    interface: str
    url: str

    @property
    def place(self) -> tuple[str, str, str]:
        """What Keystone may hold one endpoint for."""
        return self.region, self.type, self.interface


@dataclass(frozen=True, slots=True, kw_only=True)
class Memory:
    """What stands in the file: its schema, and the endpoints."""

    schema: int = 1
    endpoint: tuple[Registered, ...] = ()


def noted(root: Path) -> frozenset[Registered] | None:
    """Return what is noted below `root`, None if nothing ever was. Raises ConfigurationError."""
    path = root / FILE.lstrip("/")
    text = read_text(path)
    if text is None:
        return None
    try:
        return frozenset(load(Memory, json.loads(text), where=str(path)).endpoint)
    except (ValueError, SpecError) as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {error}",
            hint=f"remove {path}: endpoints of a former region are then left in Keystone",
        ) from error


def file_of(root: Path, endpoints: Iterable[Registered]) -> WantedFile:
    """Return the file that notes `endpoints`."""
    memory = Memory(endpoint=tuple(sorted(endpoints)))
    text = json.dumps(asdict(memory), indent=1) + "\n"
    return WantedFile(path=root / FILE.lstrip("/"), content=text)


def registrations(wanted: Wanted) -> frozenset[Registered]:
    """Return all endpoints of `wanted`."""
    return frozenset(
        Registered(
            region=wanted.region,
            type=service.type,
            name=service.name,
            interface=interface,
            url=url,
        )
        for service in wanted.services
        for interface, url in service.urls.items()
    )


def found_as(found: Snapshot, one: Registered) -> list[FoundEndpoint]:
    """Return the endpoints of `found` that are, to the letter, what was registered."""
    service, _ = chosen_service(found, one.type, one.name)
    if service is None:
        return []
    return [
        endpoint
        for endpoint in found.endpoints
        if (endpoint.service, endpoint.region, endpoint.interface, endpoint.url)
        == (service.id, one.region, one.interface, one.url)
    ]


def to_note(
    before: Collection[Registered] | None, found: Snapshot, wanted: Wanted
) -> frozenset[Registered]:
    """Return what is to be noted before what `found` lacks of `wanted` is made. Pure.

    An endpoint that is there already as it is wanted, and not noted, is somebody else's. But where
    nothing was ever noted (`before` None), it is of a debstack that did not take notes.
    """
    ours = registrations(wanted)
    if before is None:
        return ours
    made = {one for one in ours if one in before or not found_as(found, one)}
    replaced = {one.place for one in made}
    return frozenset(made | {one for one in before if one.place not in replaced})
