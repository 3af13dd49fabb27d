# SPDX-License-Identifier: Apache-2.0
"""Binary packages: what their files say of themselves, and what of them a build can use."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from debian.deb822 import Deb822, PkgRelation

from debstack.base.run import run
from pipeline.source import provided_names
from pipeline.tree import scratch_folder, sha256_file

#: What the toolkit ships for the running machine alone. Nothing imports it while a package is built
#: (ci/tests/tree/test_imports.py holds that), so that a change there rebuilds no component.
_RUN_TIME_ONLY = "usr/lib/python3/dist-packages/debstack/runtime/"
#: But for this, which dh_openstack runs to make the finished schemas.
_SCHEMAS = f"{_RUN_TIME_ONLY}database/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deb:
    """A built binary package: its file, name, and the names it depends on and stands in for."""

    path: Path
    name: str
    version: str
    depends: frozenset[str]
    provides: frozenset[str] = frozenset()


def read_deb(path: Path) -> Deb:
    """Return the Deb in the file `path`."""
    control = Deb822(run(["dpkg-deb", "--field", path]).stdout)
    groups = [
        group
        for name in ("Pre-Depends", "Depends")
        if control.get(name)
        for group in PkgRelation.parse_relations(control[name])
    ]
    return Deb(
        path=path,
        name=control["Package"],
        version=control["Version"],
        depends=frozenset(relation["name"] for group in groups for relation in group),
        provides=frozenset(provided_names(control)),
    )


def reachable(start: Iterable[str], debs: Mapping[str, Deb]) -> list[Deb]:
    """Return those of our `debs` that installing the names in `start` can bring in, sorted."""
    by_name = {name: deb for deb in debs.values() for name in (*deb.provides, deb.name)}
    todo, seen = list(start), dict[str, Deb]()
    while todo:
        deb = by_name.get(todo.pop())
        if deb is not None and deb.name not in seen:
            seen[deb.name] = deb
            todo.extend(deb.depends)
    return [seen[name] for name in sorted(seen)]


def contents(path: Path) -> dict[str, str]:
    """Return name to checksum of the files in a .deb, those of its control part under DEBIAN/."""
    with scratch_folder("deb") as folder:
        run(["dpkg-deb", "--raw-extract", path, folder / "root"])
        root = folder / "root"
        return {
            str(file.relative_to(root)): str(file.readlink())
            if file.is_symlink()
            else sha256_file(file)
            for file in root.rglob("*")
            if file.is_symlink() or file.is_file()
        }


def build_digest(deb: Deb) -> str:
    """Return a digest of all in `deb` that a build which has it installed can depend on."""
    used = {
        name: digest
        for name, digest in contents(deb.path).items()
        if name.startswith(_SCHEMAS)
        or not name.startswith((_RUN_TIME_ONLY, "DEBIAN/md5sums", "DEBIAN/control"))
    }
    relations = [deb.name, deb.version, *sorted(deb.depends), *sorted(deb.provides)]
    return hashlib.sha256(repr([relations, sorted(used.items())]).encode()).hexdigest()
