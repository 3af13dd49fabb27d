# SPDX-License-Identifier: Apache-2.0
"""Loop devices: they belong to the host, whichever node has set them up."""

from __future__ import annotations

import json
import os
from pathlib import Path

from debstack.base.run import run


def parse_listing(text: str) -> dict[str, int]:
    """Return, from losetup's JSON, each device with the number of its file's file system."""
    devices = json.loads(text)["loopdevices"] if text.strip() else []
    found = {}
    for device in devices:
        major, _, minor = device["back-maj:min"].strip().partition(":")
        found[device["name"]] = os.makedev(int(major), int(minor))
    return found


def detach_loops(file_system: int) -> list[str]:
    """Detach the loop devices whose files are in `file_system` (a device number); return them."""
    if not any(Path("/sys/block").glob("loop*/loop")):
        return []
    listing = run(["losetup", "--list", "--json", "--output", "NAME,BACK-MAJ:MIN"]).stdout
    mine = [name for name, device in parse_listing(listing).items() if device == file_system]
    for name in mine:
        run(["losetup", "--detach", name])
    return mine
