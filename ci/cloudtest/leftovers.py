# SPDX-License-Identifier: Apache-2.0
"""What packages of ours have left on a node after they were purged."""

from __future__ import annotations

from typing import Any

from cloudtest.acting import act, inside
from pipeline.tree import ROOT
from testbed.archive import REPOSITORY
from testbed.node import Node


def inventory(node: Node) -> dict[str, Any]:
    """Return all that packages may have left on `node`."""
    found: dict[str, Any] = inside(node, "inventory")
    return found


def from_pool(node: Node) -> list[str]:
    """Return the names of the packages that `node` has, configured or not, and that we build."""
    pool = act(node, "sh", "-c", f"ls {REPOSITORY}/pool/*/*.deb").stdout.split()
    names = {path.rpartition("/")[2].partition("_")[0] for path in pool}
    show = ["dpkg-query", "--show", "--showformat=${Package}\\n"]
    return sorted(names & set(act(node, *show).stdout.split()))


def ours(node: Node, before: dict[str, Any]) -> list[str]:
    """Return the names of our packages that were not there `before`: not libraries we renew."""
    there = {line.split()[0] for line in before["packages"]}
    return [name for name in from_pool(node) if name not in there]


def left(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Return what is in `after` and was not like that in `before`, and what is missing."""
    difference: dict[str, Any] = {}
    for kind, found in before.items():
        old, new = (set(x.items() if isinstance(x, dict) else x) for x in (found, after[kind]))
        if old != new:
            difference[kind] = {"gone": sorted(old - new), "new": sorted(new - old)}
    return difference


def want_all_deleted(node: Node) -> None:
    """Answer beforehand what purging asks, with yes."""
    sources = sorted(path.parts[-3] for path in ROOT.glob("packages/*/debian/openstack.toml"))
    answers = [f"debstack {source}/purge-data boolean true" for source in sources]
    act(node, "debconf-set-selections", input="\n".join(answers) + "\n")
