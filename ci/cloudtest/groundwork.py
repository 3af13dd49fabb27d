# SPDX-License-Identifier: Apache-2.0
"""Nodes that have all that our packages need of Debian's, and nothing of ours: a quick start.

They do not depend on the state of our repository but for the names that it needs, so they last.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from debian.deb822 import Packages, PkgRelation

from cloudtest.acting import apt
from pipeline.tree import locked
from testbed import archive, stage
from testbed.bed import Testbed

#: Where servers run; tests that need none start sooner without.
SERVERS = frozenset({"mariadb-server", "rabbitmq-server", "memcached"})
#: Kind of groundwork to whether the servers are in it.
KINDS = {"debian": False, "debian-servers": True}
#: The metapackage that needs least: what another one needs besides comes on top of it.
_LEAST = "openstack-base"
#: What tests use besides: steps back at a terminal, and the other kind of database.
_EXTRAS = ("libterm-readline-gnu-perl", "python3-psycopg2", "python3-openstackclient")
#: RabbitMQ's data belong to a host name.
_NODE = "controller"
#: Debian's lvm2 in a node that boots before our package, which mends that, has come: in one boot of
#: some hundreds its lock's folder is gone again, as /run/lock is mounted at that moment.
_LVM_ORDER = "/etc/systemd/system/lvm2-monitor.service.d/groundwork.conf"
_AFTER_LOCKS = "[Unit]\nAfter=run-lock.mount\n"


@dataclass(frozen=True, slots=True)
class Needed:
    """What installing one of our packages means for Debian's, by names in order."""

    #: What it needs.
    wanted: tuple[str, ...]
    #: What it is in conflict with: recommended by others, it is not to come.
    unwanted: tuple[str, ...]


def needed_of_debian(paragraphs: Iterable[Packages], start: str) -> Needed:
    """Return what installing `start` means for packages that are not in `paragraphs` (ours).

    The first of several alternatives counts, as it does for apt; recommendations are followed.
    """
    ours = {paragraph["Package"]: paragraph for paragraph in paragraphs}
    todo, seen, found, conflicts = [start], set[str](), set[str](), set[str]()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in ours:
            found.add(name)
            continue
        for field in ("Pre-Depends", "Depends", "Recommends"):
            todo.extend(_first_names(ours[name], field))
        conflicts.update(_first_names(ours[name], "Conflicts"))
    return Needed(wanted=tuple(sorted(found)), unwanted=tuple(sorted(conflicts - ours.keys())))


def _first_names(paragraph: Packages, field: str) -> list[str]:
    """Return the first name of each group of alternatives in a field, where there is one."""
    if field not in paragraph:
        return []
    return [group[0]["name"] for group in PkgRelation.parse_relations(paragraph[field])]


def needed(repository: Path, metapackage: str) -> tuple[str, ...]:
    """Return the names of Debian's packages that installing ours of that name needs."""
    return _looked_up(repository, metapackage).wanted


def _looked_up(repository: Path, metapackage: str) -> Needed:
    """Return what installing our package of that name means for Debian's."""
    paragraphs: list[Packages] = []
    for index in sorted(repository.glob("dists/*/*/binary-amd64/Packages")):
        with index.open(encoding="utf-8") as stream:
            paragraphs += Packages.iter_paragraphs(stream, use_apt_pkg=False)
    return needed_of_debian(paragraphs, metapackage)


def _parent(kind: str, repository: Path, metapackage: str) -> str | None:
    """Return the stage that this one is made from, made if need be: most of it takes minutes."""
    if KINDS[kind]:
        return ensure_groundwork("debian", repository, metapackage)
    if metapackage == _LEAST:
        return None
    least, found = _looked_up(repository, _LEAST), _looked_up(repository, metapackage)
    if set(least.wanted) <= set(found.wanted) and not set(least.wanted) & set(found.unwanted):
        return ensure_groundwork("debian", repository, _LEAST)
    return None


def ensure_groundwork(kind: str, repository: Path, metapackage: str) -> str:
    """Return the name of the stage of this `kind` (of KINDS), made if there is none yet."""
    parent = _parent(kind, repository, metapackage)
    found = _looked_up(repository, metapackage)
    names = {*found.wanted, *_EXTRAS}
    wanted = sorted(names if KINDS[kind] else names - SERVERS)
    layers = [os.fspath(path) for path in archive.supply().layers]
    content = json.dumps([parent, wanted, found.unwanted, _AFTER_LOCKS, layers])
    family = f"ground-{kind}-{metapackage.removeprefix('openstack-')}-"
    name = f"{family}{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    with locked(f"testbed-{name}"):
        if stage.exists(name):
            return name
        with Testbed(f"ground-{os.getpid()}") as bed:
            node = bed.create(_NODE, from_stage=parent, packages=wanted)
            node.boot()
            apt(node, "install", *wanted, *(f"{other}-" for other in found.unwanted))
            node.shutdown()
            node.write_file(_LVM_ORDER, _AFTER_LOCKS)
            stage.snapshot(node, name)
        for old in stage.stages():
            if old.startswith(family) and len(old) == len(name) and old != name:
                stage.remove(old)
    return name
