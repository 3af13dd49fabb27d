# SPDX-License-Identifier: Apache-2.0
"""Makes rings with Swift's own library, as the system user: a process of its own.

`python3 -m debstack.runtime.rings.worker` reads a Request and prints Outcomes. It is the one
module that imports swift.
"""

from __future__ import annotations

import copy
import logging
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from swift.common.ring import RingBuilder, RingData

from debstack.runtime.rings import plan
from debstack.runtime.rings.device import Device
from debstack.runtime.rings.messages import Outcome, Placed, Request, outcomes_text, request

#: A partition whose replica has moved stays where it is for so long.
MIN_PART_HOURS = 1
#: What a rebalance has to better the balance by, in percent, when nothing else has changed.
_WORTH = 1.0


class Builder:
    """The builder file of one ring, and the ring made of it."""

    def __init__(self, asked: Request, name: str) -> None:
        self._asked = asked
        self.name = name
        folder = Path(asked.directory)
        self._file = folder / f"{name}.builder"
        self._ring_file = folder / f"{name}.ring.gz"
        self.new = not self._file.exists()
        self._builder = (
            RingBuilder(asked.part_power, 1, MIN_PART_HOURS)
            if self.new
            else RingBuilder.load(str(self._file))
        )

    def _entries(self) -> list[plan.Entry]:
        return [
            plan.Entry(
                id=dev["id"],
                device=Device(
                    address=dev["ip"],
                    name=dev["device"],
                    weight=int(dev["weight"]),
                    region=dev["region"],
                    zone=dev["zone"],
                ),
            )
            for dev in self._builder.devs
            if dev is not None
        ]

    def _table(self) -> plan.Table:
        table: plan.Table = self._builder.get_ring().to_dict()["replica2part2dev_id"]
        return table

    def _stranded(self) -> int:
        devs = [dev for dev in self._builder.devs if dev is not None]
        return sum(dev["parts"] for dev in devs if not dev["weight"])

    def _edit(self, found: plan.Difference) -> None:
        port = self._asked.rings[self.name]
        for entry in found.remove:
            self._builder.remove_dev(entry.id)
        for device in found.add:
            where = {"ip": device.address, "port": port}
            where |= {"replication_ip": device.address, "replication_port": port}
            place = {"region": device.region, "zone": device.zone, "meta": ""}
            kept = {"device": device.name, "weight": float(device.weight)}
            self._builder.add_dev({**where, **place, **kept})
        for entry, device in found.change:
            self._change(entry, device)

    def _change(self, entry: plan.Entry, device: Device) -> None:
        if entry.device.address != device.address:
            # As `swift-ring-builder set_info` does: nothing moves by that.
            dev = next(dev for dev in self._builder.devs if dev and dev["id"] == entry.id)
            dev.update(ip=device.address, replication_ip=device.address)
            self._builder.version += 1
            # Built anew, with the address.
            self._builder._ring = None
        if entry.device.weight != device.weight:
            self._builder.set_dev_weight(entry.id, float(device.weight))
        if entry.device.region != device.region:
            self._builder.set_dev_region(entry.id, device.region)
        if entry.device.zone != device.zone:
            self._builder.set_dev_zone(entry.id, device.zone)

    def _in_the_end(self) -> float:
        """Return how much the edits move in all, in percent: more than may move in one hour."""
        if self.new:
            return 0.0
        before = self._table()
        trial = copy.deepcopy(self._builder)
        trial.change_min_part_hours(0)
        trial.rebalance(seed=self.name)
        return plan.movement(before, trial.get_ring().to_dict()["replica2part2dev_id"]).percent

    def _rebalance(self) -> plan.Movement:
        before = () if self.new else self._table()
        # The same moves when it is planned and when it is done.
        self._builder.rebalance(seed=f"{self.name}-{self._builder.version}")
        return plan.movement(before, self._table())

    def _may_move(self) -> bool:
        """Say whether a rebalance that nothing calls for has something left to do."""
        left = self._balance() >= _WORTH or self._stranded() > 0
        return left and self._builder.min_part_seconds_left == 0

    def work(self) -> Outcome:
        """Return what has to change, and change it where that was asked for."""
        devices = plan.placed(self._asked.devices, self._entries())
        found = plan.difference(devices, self._entries())
        try:
            replicas = plan.replicas_of(
                self._asked.replicas, devices, 0 if self.new else self._builder.replicas
            )
        except ValueError as error:
            return Outcome(ring=self.name, problem=str(error))
        orders = list(plan.told(found))
        if self._builder.replicas != replicas:
            orders.append(f"keep {replicas:g} replicas")
        balance, stranded = (0.0, 0) if self.new else (self._balance(), self._stranded())
        self._edit(found)
        self._builder.set_replicas(replicas)
        edited = self._builder.devs_changed or bool(orders)
        if not edited and not self._may_move():
            return self._unchanged()
        percent = self._in_the_end() if edited else 0.0
        refused = percent > self._asked.limit
        moved = self._rebalance()
        better = balance - self._balance() >= _WORTH or self._stranded() < stranded
        if not edited and not (moved.moved and better):
            self._builder = RingBuilder.load(str(self._file))
            return self._unchanged()
        if self._asked.act and not refused:
            self._save_builder()
            self._publish()
        return self._told(
            orders or ["go on with the rebalance"], percent or moved.percent, refused=refused
        )

    def _unchanged(self) -> Outcome:
        """Return what is to be done where the builder is right: its ring may not be."""
        if self._published():
            return self._told([], 0)
        if self._asked.act:
            self._publish()
        return self._told(["write the ring again"], 0)

    def _balance(self) -> float:
        balance: float = self._builder.get_balance()
        return balance

    def _published(self) -> bool:
        """Say whether the ring is the one that the builder makes."""
        if not self._ring_file.exists():
            return False
        published = RingData.load(str(self._ring_file), metadata_only=True).version
        return bool(published == self._builder.version)

    def _told(self, orders: list[str], percent: float, *, refused: bool = False) -> Outcome:
        return Outcome(
            ring=self.name,
            changes=tuple(orders),
            percent=round(percent, 1),
            refused=refused,
            replicas=self._builder.replicas,
            partitions=self._builder.parts,
            balance=round(self._balance(), 2),
            devices=tuple(self._placed()),
        )

    def _placed(self) -> Iterator[Placed]:
        for dev in self._builder.devs:
            if dev is not None:
                yield Placed(
                    address=dev["ip"],
                    name=dev["device"],
                    weight=dev["weight"],
                    region=dev["region"],
                    zone=dev["zone"],
                    parts=dev["parts"],
                )

    def _save_builder(self) -> None:
        beside = self._file.with_suffix(".builder-new")
        self._builder.save(str(beside))
        with beside.open("rb") as file:
            os.fsync(file.fileno())
        beside.replace(self._file)

    def _publish(self) -> None:
        """Write the ring; where this is killed after the builder was written, versions differ."""
        self._builder.get_ring().save(str(self._ring_file))


def _read(asked: Request, name: str) -> Outcome:
    """Return the devices of the ring `name` as it was made or fetched."""
    path = Path(asked.directory) / f"{name}.ring.gz"
    if not path.exists():
        return Outcome(ring=name)
    ring = RingData.load(str(path))
    parts: dict[int, int] = {}
    for row in ring.to_dict()["replica2part2dev_id"]:
        for number in row:
            parts[number] = parts.get(number, 0) + 1
    return Outcome(
        ring=name,
        replicas=ring.replica_count,
        partitions=2**ring.part_power,
        devices=tuple(
            Placed(
                address=dev["ip"],
                name=dev["device"],
                weight=dev["weight"],
                region=dev["region"],
                zone=dev["zone"],
                parts=parts.get(dev["id"], 0),
            )
            for dev in ring.devs
            if dev is not None
        ),
    )


def main() -> int:
    """Do what standard input says; return the exit code."""
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    asked = request(sys.stdin.read())
    if asked.read:
        found = [_read(asked, name) for name in asked.rings]
    else:
        builders = [Builder(asked, name) for name in asked.rings]
        # None is changed where one is refused: the rings are to go together.
        if asked.act:
            tried = [Builder(_only_told(asked), name).work() for name in asked.rings]
            if any(outcome.refused or outcome.problem for outcome in tried):
                print(outcomes_text(tried))
                return 0
        found = [builder.work() for builder in builders]
    print(outcomes_text(found))
    return 0


def _only_told(asked: Request) -> Request:
    return replace(asked, act=False)


if __name__ == "__main__":
    sys.exit(main())
