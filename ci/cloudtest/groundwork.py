# SPDX-License-Identifier: Apache-2.0
"""Nodes that have all that our packages need of Debian's, and nothing of ours: a quick start.

They do not depend on the state of our repository but for the names that it needs, so they last.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable
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
#: What tests use besides: steps back at a terminal, and the other kind of database.
_EXTRAS = ("libterm-readline-gnu-perl", "python3-psycopg2", "python3-openstackclient")
#: RabbitMQ's data belong to a host name.
_NODE = "controller"


def needed_of_debian(paragraphs: Iterable[Packages], start: str) -> tuple[str, ...]:
    """Return the names that installing `start` needs and that are not in `paragraphs` (ours).

    The first of several alternatives counts, as it does for apt; recommendations are followed.
    """
    ours = {paragraph["Package"]: paragraph for paragraph in paragraphs}
    todo, seen, found = [start], set[str](), set[str]()
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        if name not in ours:
            found.add(name)
            continue
        for field in ("Pre-Depends", "Depends", "Recommends"):
            if field in ours[name]:
                groups = PkgRelation.parse_relations(ours[name][field])
                todo.extend(group[0]["name"] for group in groups)
    return tuple(sorted(found))


def needed(repository: Path, metapackage: str) -> tuple[str, ...]:
    """Return the names of Debian's packages that installing ours of that name needs."""
    paragraphs: list[Packages] = []
    for index in sorted(repository.glob("dists/*/*/binary-amd64/Packages")):
        with index.open(encoding="utf-8") as stream:
            paragraphs += Packages.iter_paragraphs(stream, use_apt_pkg=False)
    return needed_of_debian(paragraphs, metapackage)


def ensure_groundwork(kind: str, repository: Path, metapackage: str) -> str:
    """Return the name of the stage of this `kind` (of KINDS), made if there is none yet."""
    names = set(needed(repository, metapackage)) | set(_EXTRAS)
    wanted = sorted(names if KINDS[kind] else names - SERVERS)
    layers = archive.supply().layers
    content = json.dumps([wanted, [os.fspath(path) for path in layers]])
    family = f"ground-{kind}-{metapackage.removeprefix('openstack-')}-"
    name = f"{family}{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    with locked(f"testbed-{name}"):
        if stage.exists(name):
            return name
        with Testbed(f"ground-{os.getpid()}") as bed:
            node = bed.create(_NODE, packages=wanted)
            node.boot()
            apt(node, "install", *wanted)
            node.shutdown()
            stage.snapshot(node, name)
        for old in stage.stages():
            if old.startswith(family) and len(old) == len(name) and old != name:
                stage.remove(old)
    return name
