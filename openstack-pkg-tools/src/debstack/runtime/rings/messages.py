# SPDX-License-Identifier: Apache-2.0
"""What debstack and the process that makes rings tell each other: JSON on its streams."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from debstack.runtime.rings.device import Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What is to be done: for each ring (name to port), in `directory`."""

    directory: str
    rings: Mapping[str, int]
    devices: tuple[Device, ...] = ()
    replicas: int = 0
    part_power: int = 0
    limit: int = 100
    #: Change files, or only tell what would be changed.
    act: bool = False
    #: Only tell the devices that the rings have.
    read: bool = False

    def text(self) -> str:
        """Return it as JSON."""
        return json.dumps(asdict(self))


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A device in a ring, with the number of replicas of partitions that it has."""

    address: str
    name: str
    weight: float
    region: int
    zone: int
    parts: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What is, or would be, of one ring."""

    ring: str
    #: What has to change, as orders; empty where nothing has.
    changes: tuple[str, ...] = ()
    #: How much of what is stored moves by that, in percent.
    percent: float = 0.0
    #: Set where that is more than the limit: then nothing was changed.
    refused: bool = False
    #: What is wrong with the answers.
    problem: str = ""
    replicas: float = 0.0
    partitions: int = 0
    balance: float = 0.0
    devices: tuple[Placed, ...] = field(default_factory=tuple)


def request(text: str) -> Request:
    """Return the request in `text`."""
    found: dict[str, Any] = json.loads(text)
    devices = tuple(Device(**device) for device in found.pop("devices"))
    return Request(devices=devices, **found)


def outcomes_text(found: Sequence[Outcome]) -> str:
    """Return `found` as JSON."""
    return json.dumps([asdict(outcome) for outcome in found])


def outcomes(text: str) -> tuple[Outcome, ...]:
    """Return the outcomes in `text`."""
    found = []
    for item in json.loads(text):
        devices = tuple(Placed(**device) for device in item.pop("devices"))
        changes = tuple(item.pop("changes"))
        found.append(Outcome(devices=devices, changes=changes, **item))
    return tuple(found)
