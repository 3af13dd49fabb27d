# SPDX-License-Identifier: Apache-2.0
"""Nodes in a state that many tests begin from, made once for a state of the repository."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from cloudtest.acting import apt, debstack
from cloudtest.groundwork import ensure_groundwork
from pipeline.tree import cache_dir, locked
from testbed import archive, stage
from testbed.bed import Testbed
from testbed.node import Node
from testbed.places import TestbedError

METAPACKAGE = "openstack-base"
ALL_IN_ONE = "openstack-all-in-one"
#: The name of every node that was made from a stage: RabbitMQ's data belong to a host name.
STAGE_NODE = "controller"
#: Of each kind, so many stages of other states of the repository are kept.
_KEPT = 1
#: Of a file system of which more than 95 % is taken Cinder makes no volume (nfs_used_ratio), and a
#: node has the one that the cache is on.
_LEAST_FREE = 0.06
_ALL_IN_ONE_TIMEOUT_S = 1800.0
#: What the installation of the stage `deferred` printed, with debconf's dialogue.
INSTALL_LOG = "/root/install.log"
#: Tells the tools that start services to leave them alone, as builders of images do.
_POLICY = "/usr/sbin/policy-rc.d"


class NodeMaker(Protocol):
    """The fixture make_node: makes a switched-off node that goes with the test."""

    def __call__(
        self,
        name: str = STAGE_NODE,
        *,
        stage: str | None = None,
        packages: Sequence[str] = (METAPACKAGE,),
        networks: Sequence[str] = ("default",),
    ) -> Node:
        """Return a node named `name`, bare or from a `stage` (a key of RECIPES).

        `packages` can be installed in it; groundwork has what the first of them needs.
        """
        ...


def _install_controller(node: Node) -> None:
    node.boot()
    apt(node, "install", METAPACKAGE)
    node.shutdown()


def _install_keystone_alone(node: Node) -> None:
    node.boot()
    apt(node, "install", "keystone")
    node.shutdown()


def _install_all_in_one(node: Node) -> None:
    node.boot()
    apt(node, "install", ALL_IN_ONE, timeout_s=_ALL_IN_ONE_TIMEOUT_S)
    debstack(node, "demo")
    node.shutdown()


def _unpack_controller(node: Node) -> None:
    node.write_file(_POLICY, "#!/bin/sh\nexit 101\n", mode=0o755)
    told = apt(node, "install", METAPACKAGE, env={"DEBCONF_DEBUG": "developer"}).stdout
    node.enter_chroot(["rm", _POLICY])
    node.write_file(INSTALL_LOG, told, mode=0o600)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a stage is made: on which groundwork (empty: a bare Debian) `install` is called."""

    metapackage: str
    ground: str
    install: Callable[[Node], None]


#: The kinds of stages; the node is switched off afterwards. One on a bare Debian is enough:
#: unpacking what Debian brings takes minutes, and tells about our packages only that they need no
#: more than their dependencies.
RECIPES: Mapping[str, Recipe] = {
    "controller": Recipe(METAPACKAGE, "debian", _install_controller),
    "deferred": Recipe(METAPACKAGE, "debian", _unpack_controller),
    "keystone-alone": Recipe(METAPACKAGE, "", _install_keystone_alone),
    "all-in-one": Recipe(ALL_IN_ONE, "debian", _install_all_in_one),
}


def _digest(repository: Path) -> str:
    layers = archive.supply(repository=repository).layers
    recipe = Path(__file__).read_bytes()
    parts = [archive.repository_state(repository), *(os.fspath(path) for path in layers)]
    return hashlib.sha256(recipe + "\n".join(parts).encode()).hexdigest()[:12]


def _forget_old(kind: str, current: str) -> None:
    folder = cache_dir("testbed", "stages")
    names = [name for name in stage.stages() if name.startswith(f"system-{kind}-")]
    names = [name for name in names if name != current and stage.exists(name)]
    names.sort(key=lambda name: (folder / f"{name}.json").stat().st_mtime, reverse=True)
    for name in names[_KEPT:]:
        stage.remove(name)


def check_room() -> None:
    """Refuse to begin where volumes would go to `error` for want of space. Raises TestbedError."""
    folder = cache_dir("testbed", "stages")
    found = shutil.disk_usage(folder)
    if found.free < _LEAST_FREE * found.total:
        raise TestbedError(
            f"{folder}: expected {_LEAST_FREE:.0%} of the file system to be free, found"
            f" {found.free / found.total:.1%} ({found.free >> 30} of {found.total >> 30} GiB)",
            hint="free some; stages are made again and can go: python3 -m testbed stages --help",
        )


def ensure_stage(kind: str, repository: Path) -> str:
    """Return the name of the testbed's stage of this `kind`, made if there is none yet.

    It is made in a testbed of its own, so that its node has the first address of a network; a node
    made from it has to have that address and the name STAGE_NODE too.
    """
    check_room()
    name = f"system-{kind}-{_digest(repository)}"
    with locked(f"testbed-{name}"):
        if not stage.exists(name):
            with Testbed(f"stage-{os.getpid()}") as bed:
                recipe = RECIPES[kind]
                node = bed.create(
                    STAGE_NODE,
                    from_stage=ensure_groundwork(recipe.ground, repository, recipe.metapackage)
                    if recipe.ground
                    else None,
                    packages=[recipe.metapackage],
                    repository=repository,
                )
                recipe.install(node)
                stage.snapshot(node, name)
            _forget_old(kind, name)
    return name
