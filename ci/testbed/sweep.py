# SPDX-License-Identifier: Apache-2.0
"""Clean-up after runs that could not do it themselves: killed, or cut off by a host crash."""

from __future__ import annotations

import time
from pathlib import Path

from testbed import network
from testbed.bed import Testbed, in_use, left_folders
from testbed.places import STATE, cache, remove_tree
from testbed.process import cgroup2_mount, kill_cgroup, members
from testbed.stage import used_layers

UNUSED_AGE_S = 14 * 86400.0
_LAYERS = ("base", "lists", "repository", "partial")


def beds() -> list[str]:
    """Return the names of the testbeds that something of exists on this host."""
    names = {path.parent.name for path in STATE.glob("*/bed.json")}
    names |= {name.split(".")[1] for name in network.namespaces()}
    names |= {path.name.split(".")[0] for path in left_folders()}
    return sorted(names)


def clean(*, everything: bool = False) -> list[str]:
    """Remove what dead runs have left; return the names of the testbeds removed.

    Testbeds that were left standing on purpose stay, unless `everything` is to go.
    """
    removed = []
    for bed in beds():
        if everything or not in_use(bed):
            Testbed(bed).destroy_all()
            removed.append(bed)
        else:
            _remove_half_made(bed)
    _remove_empty_cgroup()
    remove_unused_layers()
    if STATE.is_dir() and not beds():
        remove_tree(STATE)
    return removed


def _remove_half_made(bed: str) -> None:
    """Remove files and namespaces of nodes whose making or removal was cut short."""
    testbed = Testbed(bed)
    with testbed.locked():
        known = {node.name for node in testbed.nodes()}
        for left in left_folders(bed):
            remove_tree(left)
        for namespace in network.namespaces(bed):
            kind, name = namespace.split(".")[2:]
            if kind == "node" and name not in known:
                network.remove_namespace(namespace)


def remove_unused_layers(*, age_s: float = UNUSED_AGE_S) -> list[Path]:
    """Remove bases, lists and repositories that nothing has used for `age_s`; return them."""
    needed = used_layers()
    oldest = time.time() - age_s
    removed = []
    for path in sorted(cache().iterdir()):
        mark = path.with_suffix(".used")
        used = (mark if mark.exists() else path).stat().st_mtime
        kind = path.name.partition("-")[0]
        if kind not in _LAYERS or not path.is_dir() or used > oldest:
            continue
        if not any(layer.is_relative_to(path) for layer in needed):
            remove_tree(path)
            mark.unlink(missing_ok=True)
            removed.append(path)
    return removed


def _remove_empty_cgroup() -> None:
    """Remove the groups of nodes that there are no more, and that of all testbeds with the last."""
    group = cgroup2_mount() / "debstack-testbed"
    known = {f"{bed}-{node.name}" for bed in beds() for node in Testbed(bed).nodes()}
    for path in group.iterdir() if group.is_dir() else ():
        if path.is_dir() and path.name not in known and not members(path):
            kill_cgroup(path)
    if group.is_dir() and not any(path.is_dir() for path in group.iterdir()):
        kill_cgroup(group)
