# SPDX-License-Identifier: Apache-2.0
"""Clean-up after runs that could not do it themselves: killed, or cut off by a host crash."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

from debstack.base.run import run
from testbed import network
from testbed.bed import Testbed
from testbed.node import remove_tree
from testbed.places import STATE, read_json, testbed_cache
from testbed.process import Identity, boot_id, cgroup2_mount, kill_cgroup


def beds() -> list[str]:
    """Return the names of the testbeds that something of exists on this host."""
    names = {path.parent.name for path in STATE.glob("*/bed.json")}
    names |= {name.split(".")[1] for name in network.namespaces()}
    names |= {path.name.split(".")[0] for path in testbed_cache("nodes").iterdir()}
    return sorted(names)


def wanted(bed: str) -> bool:
    """Return whether the testbed `bed` is in use: its owner lives, or it has none on purpose."""
    content = read_json(STATE / bed / "bed.json")
    if content is None or content["boot"] != boot_id():
        return False
    owner = Identity.load(content["owner"])
    return owner is None or owner.alive()


def clean(*, everything: bool = False) -> list[str]:
    """Remove what dead runs have left; return the names of the testbeds removed.

    Testbeds that were left standing on purpose stay, unless `everything` is to go.
    """
    removed = []
    for bed in beds():
        if everything or not wanted(bed):
            _detach_loops(bed)
            Testbed(bed).destroy_all()
            removed.append(bed)
        else:
            _remove_half_made(bed)
    _remove_empty_cgroup()
    if STATE.is_dir() and not beds():
        remove_tree(STATE)
    return removed


def _remove_half_made(bed: str) -> None:
    """Remove files and namespaces of nodes whose making or removal was cut short."""
    testbed = Testbed(bed)
    with testbed.locked():
        known = {node.name: node for node in testbed.nodes()}
        kept = {node.record.directory for node in known.values()}
        for left in testbed_cache("nodes").glob(f"{bed}.*"):
            if os.fspath(left) not in kept:
                remove_tree(left)
        for namespace in network.namespaces(bed):
            kind, name = namespace.split(".")[2:]
            if kind == "node" and name not in known:
                network.remove_namespace(namespace)


def _loops() -> Iterator[tuple[str, int]]:
    """Give each loop device in use with the device number of the file system of its file."""
    listing = run(["losetup", "--list", "--noheadings", "--raw", "--output", "NAME,BACK-MAJ:MIN"])
    for line in listing.stdout.splitlines():
        found = re.fullmatch(r"(\S+)\s+(\d+):(\d+)", line.strip())
        if found:
            yield found[1], os.makedev(int(found[2]), int(found[3]))


def _detach_loops(bed: str) -> None:
    """Detach the loop devices whose files are in the nodes of `bed`."""
    devices = {
        content["device"]
        for path in (STATE / bed / "nodes").glob("*/running.json")
        if (content := read_json(path))
    }
    for name, device in _loops():
        if device in devices:
            run(["losetup", "--detach", name])


def _remove_empty_cgroup() -> None:
    group = cgroup2_mount() / "debstack-testbed"
    if group.is_dir() and not any(path.is_dir() for path in group.iterdir()):
        kill_cgroup(group)
