# SPDX-License-Identifier: Apache-2.0
"""volumes.py ORDERS SECONDS: do things to volumes, one after the other, each until it is done.

ORDERS is a JSON list of {"act": …, and what that takes}; all is called by its name. Prints JSON: of
each volume of this project the name and the identifier.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import openstack

#: How long each may take.
TIMEOUT_S = int(sys.argv[2])

cloud = openstack.connect(cloud="admin")
storage = cloud.block_storage


def volume_of(name: str) -> Any:
    return storage.find_volume(name, ignore_missing=False)


def settled(thing: Any, goal: str = "available") -> None:
    storage.wait_for_status(thing, goal, failures=["error", "error_restoring"], wait=TIMEOUT_S)


def gone(thing: Any) -> None:
    storage.wait_for_delete(thing, wait=TIMEOUT_S)


def create(volume: str, snapshot: str = "", image: str = "", type: str = "") -> None:
    """Make a volume of a GiB: empty, as it was when a snapshot was taken, or with an image."""
    more = {"snapshot_id": storage.find_snapshot(snapshot).id} if snapshot else {}
    more |= {"image_id": cloud.image.find_image(image).id} if image else {}
    more |= {"volume_type": type} if type else {}
    settled(storage.create_volume(name=volume, size=1, **more))


def attach(server: str, volume: str) -> None:
    found = cloud.compute.find_server(server, ignore_missing=False)
    cloud.compute.create_volume_attachment(found, volume_id=volume_of(volume).id)
    settled(volume_of(volume), "in-use")


def detach(server: str, volume: str) -> None:
    found = cloud.compute.find_server(server, ignore_missing=False)
    cloud.compute.delete_volume_attachment(found, volume_of(volume))
    settled(volume_of(volume))


def snapshot(volume: str, snapshot: str) -> None:
    """Take a snapshot of a volume, also of one that is attached."""
    made = storage.create_snapshot(name=snapshot, volume_id=volume_of(volume).id, is_forced=True)
    settled(made)


def backup(volume: str, backup: str) -> None:
    settled(storage.create_backup(name=backup, volume_id=volume_of(volume).id))


def restore(backup: str, volume: str, type: str = "") -> None:
    """Make a volume, of the default type or another, of what is in a backup."""
    if type:
        create(volume, type=type)
    where = {"volume_id": volume_of(volume).id} if type else {"name": volume}
    storage.restore_backup(storage.find_backup(backup, ignore_missing=False), **where)
    settled(storage.find_backup(backup, ignore_missing=False))
    settled(volume_of(volume))


def delete(kind: str, name: str) -> None:
    """Delete a volume, a snapshot or a backup."""
    found = getattr(storage, f"find_{kind}")(name, ignore_missing=False)
    getattr(storage, f"delete_{kind}")(found)
    gone(found)


ACTS: dict[str, Callable[..., None]] = {
    act.__name__: act for act in (create, attach, detach, snapshot, backup, restore, delete)
}

for order in json.loads(sys.argv[1]):
    ACTS[order.pop("act")](**order)
print(json.dumps({one.name: one.id for one in storage.volumes()}))
