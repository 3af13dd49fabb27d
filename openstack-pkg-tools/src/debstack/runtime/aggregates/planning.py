# SPDX-License-Identifier: Apache-2.0
"""From the aggregates that Nova has to what this machine leaves, makes and joins. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from debstack.base.errors import AnswerError

ZONE = "availability-zone"
NAMES = "aggregates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Aggregate:
    """A host aggregate as Nova has it; one with a `zone` is an availability zone."""

    id: int
    name: str
    zone: str = ""
    hosts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Where `host` is to be by its answers, whose questions begin with `prefix`."""

    host: str
    prefix: str
    zone: str = ""
    names: tuple[str, ...] = ()

    @property
    def joined(self) -> tuple[str, ...]:
        """The aggregates to be in, each once. A zone is the aggregate of the same name."""
        return tuple(dict.fromkeys(name for name in (self.zone, *self.names) if name))

    def title(self, name: str) -> str:
        """Return what the aggregate `name` is called where it is told of."""
        return f"availability zone {name}" if name == self.zone else f"host aggregate {name}"


class Verb(StrEnum):
    """What is done about an aggregate."""

    LEAVE = "leave"
    MAKE = "make"
    JOIN = "join"


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do. `zone` is that of the aggregate."""

    verb: Verb
    name: str
    zone: str = ""

    @property
    def summary(self) -> str:
        """What is told of it."""
        kind = "availability zone" if self.zone == self.name else "host aggregate"
        return f"{self.verb} {kind} {self.name}"


def _check_zone_is_one(wanted: Wanted, zone: Aggregate | None) -> None:
    """Refuse a zone whose name an aggregate has that is none, or another one."""
    if zone is None or zone.zone == wanted.zone:
        return
    found = f"of the availability zone {zone.zone}" if zone.zone else "without availability zone"
    name = shlex.quote(zone.name)
    raise AnswerError(
        f"{wanted.prefix}/{ZONE}",
        f"there is a host aggregate {zone.name} already, {found}",
        hint="answer another name; or make it that zone, on the controller: openstack --os-cloud"
        f" admin aggregate set --zone {name} {name}; then run here: debstack apply",
    )


def _check_one_zone(wanted: Wanted, others: Iterable[Aggregate]) -> None:
    """Refuse to be in several zones, which Nova does not let a host be."""
    zones: dict[str, Aggregate] = {}
    for aggregate in others:
        if aggregate.zone:
            zones.setdefault(aggregate.zone, aggregate)
    zones.pop(wanted.zone, None)
    if len(zones) < (1 if wanted.zone else 2):
        return
    # First what the answers name: that can be put right here.
    zone, aggregate = min(zones.items(), key=lambda one: (one[1].name not in wanted.names, one[0]))
    name, verb = aggregate.name, "is" if wanted.host in aggregate.hosts else "would be"
    key, remedy = NAMES, f"take {name} out of the answer"
    if name not in wanted.names:
        key = ZONE
        remedy = (
            f"answer {zone}; or, on the controller: openstack --os-cloud admin aggregate remove"
            f" host {shlex.quote(name)} {shlex.quote(wanted.host)}"
        )
    raise AnswerError(
        f"{wanted.prefix}/{key}",
        f"{wanted.host} {verb} in the availability zone {zone} by the host aggregate {name}, and"
        " can be in one zone only",
        hint=f"{remedy}; then run here: debstack apply",
    )


def plan(found: Sequence[Aggregate], wanted: Wanted, noted: Collection[str]) -> list[Action]:
    """Return what makes the machine be where it is wanted.

    It leaves only what is `noted`: those that it joined by itself. Raises AnswerError for answers
    that cannot be followed.
    """
    by_name = {aggregate.name: aggregate for aggregate in found}
    inside = [aggregate for aggregate in found if wanted.host in aggregate.hosts]
    left = [a for a in inside if a.name in noted and a.name not in wanted.joined]
    stays = [a for a in inside if a not in left]
    missing = [name for name in wanted.joined if name not in {a.name for a in stays}]
    if wanted.zone and any(aggregate.zone == wanted.zone for aggregate in stays):
        # By whatever aggregate somebody made that zone of.
        missing = [name for name in missing if name != wanted.zone or name in wanted.names]
    if wanted.zone in missing:
        _check_zone_is_one(wanted, by_name.get(wanted.zone))
    _check_one_zone(wanted, [*stays, *(by_name[name] for name in missing if name in by_name)])
    actions = [Action(verb=Verb.LEAVE, name=a.name, zone=a.zone) for a in left]
    for name in missing:
        zone = wanted.zone if name == wanted.zone else ""
        if name in by_name:
            zone = by_name[name].zone
        else:
            actions.append(Action(verb=Verb.MAKE, name=name, zone=zone))
        actions.append(Action(verb=Verb.JOIN, name=name, zone=zone))
    return actions


def declared(wanted: Wanted) -> list[str]:
    """Return what is done where nothing can be read yet."""
    return [f"{Verb.JOIN} {wanted.title(name)}" for name in wanted.joined]
