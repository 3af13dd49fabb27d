# SPDX-License-Identifier: Apache-2.0
"""From what rings are to be and what they are to what has to change, and how much that moves. Pure.

What is stored is cut into partitions, and each partition is kept on as many devices as there are
replicas. A table has a row for each replica, with a device's number for each partition.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from debstack.runtime.rings.device import Device

#: So many replicas are wanted where there are machines enough.
USUAL_REPLICAS = 3

Table = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A device as a ring has it, with its number there."""

    id: int
    device: Device


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What has to change in a ring."""

    remove: tuple[Entry, ...] = ()
    add: tuple[Device, ...] = ()
    #: Entries whose device is to be another: by address, weight, region or zone.
    change: tuple[tuple[Entry, Device], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Movement:
    """What a rebalance moves, counted in replicas of partitions."""

    moved: int
    #: Replicas that there were not before.
    copied: int
    total: int

    @property
    def percent(self) -> float:
        """How much of what was there moves."""
        return 100 * self.moved / self.total if self.total else 0.0


def _readdressed(devices: Sequence[Device], entries: Sequence[Entry]) -> dict[str, str]:
    """Return new to old address of machines that have nothing but another address.

    Such a machine has the devices of one that is gone, and no other gone one has the same.
    """
    wanted: dict[str, set[str]] = {}
    there: dict[str, set[str]] = {}
    for device in devices:
        wanted.setdefault(device.address, set()).add(device.name)
    for entry in entries:
        there.setdefault(entry.device.address, set()).add(entry.device.name)
    gone = {address: names for address, names in there.items() if address not in wanted}
    new = {address: names for address, names in wanted.items() if address not in there}
    found = {}
    for address, names in new.items():
        olds = [old for old, had in gone.items() if had == names]
        twins = [other for other, has in new.items() if has == names]
        if len(olds) == 1 and len(twins) == 1:
            found[address] = olds[0]
    return found


def placed(devices: Sequence[Device], entries: Sequence[Entry]) -> tuple[Device, ...]:
    """Return `devices`, each with a region and a zone.

    What the answer does not say stays as it is in `entries`; a new device has the zone of its
    machine, and a new machine the lowest zone that nobody has.
    """
    formerly = _readdressed(devices, entries)
    there = {entry.device.key: entry.device for entry in entries}
    regions = {entry.device.address: entry.device.region for entry in entries}
    zones = {entry.device.address: entry.device.zone for entry in entries}
    for device in devices:
        if device.region:
            regions[device.address] = device.region
        if device.zone:
            zones[device.address] = device.zone
    found = []
    for device in devices:
        old = formerly.get(device.address, device.address)
        known = there.get((old, device.name))
        region = device.region or (known.region if known else regions.get(old, 1))
        zone = device.zone or (known.zone if known else zones.get(old, 0))
        if not zone:
            zone = next(n for n in range(1, len(zones) + 2) if n not in zones.values())
        regions.setdefault(device.address, region)
        zones.setdefault(device.address, zone)
        found.append(replace(device, region=region, zone=zone))
    return tuple(found)


def difference(devices: Sequence[Device], entries: Sequence[Entry]) -> Difference:
    """Return what makes a ring with `entries` one with `devices`, all of them placed."""
    formerly = _readdressed(devices, entries)
    there = {entry.device.key: entry for entry in entries}
    kept: set[int] = set()
    add, change = [], []
    for device in devices:
        entry = there.get((formerly.get(device.address, device.address), device.name))
        if entry is None:
            add.append(device)
            continue
        kept.add(entry.id)
        if entry.device != device:
            change.append((entry, device))
    remove = tuple(entry for entry in entries if entry.id not in kept)
    return Difference(remove=remove, add=tuple(add), change=tuple(change))


def replicas_of(wanted: int, devices: Sequence[Device], current: float) -> float:
    """Return how many replicas a ring is to have; `wanted` is 0 where that follows from devices.

    Then it is three, or one for each machine where there are fewer, and never fewer than there
    are. Raises ValueError where there are not devices enough.
    """
    able = [device for device in devices if device.weight > 0]
    machines = len({device.address for device in able})
    found = float(wanted) if wanted else max(float(min(USUAL_REPLICAS, machines)), current)
    if not able:
        raise ValueError("no device has a weight, so that nothing can be stored")
    if found > len(able):
        raise ValueError(
            f"{found:g} replicas need as many devices with a weight, and there are {len(able)}"
        )
    return found


def movement(before: Table, after: Table) -> Movement:
    """Return what moves when the table `before` becomes `after`."""
    moved = copied = total = 0
    for part in range(len(after[0]) if after else 0):
        old = {row[part] for row in before if part < len(row)}
        new = {row[part] for row in after if part < len(row)}
        gained = len(new - old)
        more = min(gained, max(0, len(new) - len(old)))
        moved += gained - more
        copied += more
        total += len(old)
    return Movement(moved=moved, copied=copied, total=total)


def told(found: Difference) -> Iterable[str]:
    """Yield what changes, as orders: add 192.0.2.11/sdb."""
    for entry in found.remove:
        yield f"remove {entry.device.label}"
    for device in found.add:
        place = f"region {device.region}, zone {device.zone}, weight {device.weight}"
        yield f"add {device.label} ({place})"
    for entry, device in found.change:
        old = entry.device
        if old.address != device.address:
            yield f"have {device.label} in place of {old.label}"
        if old.weight != device.weight:
            yield f"give {device.label} the weight {device.weight} instead of {old.weight}"
        if (old.region, old.zone) != (device.region, device.zone):
            yield f"put {device.label} into region {device.region}, zone {device.zone}"
