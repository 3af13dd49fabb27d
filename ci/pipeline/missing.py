# SPDX-License-Identifier: Apache-2.0
"""Which Python libraries upstream needs newer than the target release has them."""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from pipeline.archive import PythonArchive, upstream_version
from pipeline.index import normalised

#: Gives the sdist of a project (by normalised name) in the oldest version that fits.
Fetch = Callable[[str, SpecifierSet], tuple[Version, Path]]
#: Gives the requirements of an sdist.
Read = Callable[[Path], Sequence[Requirement]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A library that has to be packaged: what is needed, by whom, and what the release has."""

    project: str
    package: str
    needed: str
    #: Empty if the release does not have the package at all.
    available: str
    wanted_by: tuple[str, ...]
    #: The oldest release that fits.
    version: str
    #: The version of the tree's own package of it; empty if there is none.
    packaged: str = ""


@dataclass(slots=True)
class _Want:
    project: str
    #: What each that wants it accepts.
    by: dict[str, SpecifierSet] = field(default_factory=dict)

    def specifiers(self) -> SpecifierSet:
        """Return what all that want it accept."""
        return _all(self.by.values())


def _all(specifiers: Iterable[SpecifierSet]) -> SpecifierSet:
    return functools.reduce(operator.and_, specifiers, SpecifierSet())


def sdist_version(file: str, project: str) -> Version | None:
    """Return the version in the name of an sdist of `project`; None for any other file."""
    found = re.fullmatch(r"(.+)-([^-]+)\.(?:tar\.gz|zip)", file)
    if not found or normalised(found.group(1)) != normalised(project):
        return None
    try:
        return Version(found.group(2))
    except InvalidVersion:
        return None


def oldest(versions: Iterable[Version], specifiers: SpecifierSet) -> Version | None:
    """Return the oldest final release that fits: the smallest step away from the release."""
    fitting = [v for v in versions if not v.is_prerelease and v in specifiers]
    return min(fitting, default=None)


@dataclass(slots=True)
class _Search:
    archive: PythonArchive
    fetch: Fetch
    read: Read
    wants: dict[str, _Want] = field(default_factory=dict)
    chosen: dict[str, Version] = field(default_factory=dict)

    def unsatisfied(self, want: _Want) -> dict[str, SpecifierSet]:
        """Return those that want more than the release has, and what they accept."""
        have = self.archive.versions.get(self.archive.package(want.project))
        if have is None:
            return want.by
        version = upstream_version(have)
        return {
            title: accepted
            for title, accepted in want.by.items()
            if not accepted.contains(version, prereleases=True)
        }

    def add(self, by: str, found: Iterable[Requirement]) -> set[str]:
        """Note requirements; return the projects they are of."""
        named = set()
        for requirement in found:
            name = normalised(requirement.name)
            want = self.wants.setdefault(name, _Want(requirement.name))
            want.by[by] = want.by.get(by, SpecifierSet()) & requirement.specifier
            named.add(name)
        return named

    def follow(self, todo: set[str]) -> None:
        """Look into what would have to be packaged, until nothing new is demanded."""
        while todo:
            name = min(todo)
            todo.discard(name)
            want = self.wants[name]
            if not self.unsatisfied(want):
                continue
            version, sdist = self.fetch(name, want.specifiers())
            if self.chosen.get(name) != version:
                self.chosen[name] = version
                todo |= self.add(f"{want.project} {version}", self.read(sdist))


def missing_libraries(
    roots: Mapping[str, Sequence[Requirement]],
    archive: PythonArchive,
    fetch: Fetch,
    read: Read,
    packaged: Mapping[str, str] | None = None,
) -> list[Missing]:
    """Return the libraries that the release lacks, or has too old, for `roots` and for each other.

    `roots` maps a title (such as "keystone 29.1.0") to its requirements; `packaged` maps our own
    binary packages to their upstream versions.
    """
    search = _Search(archive, fetch, read)
    todo: set[str] = set()
    for title, found in roots.items():
        todo |= search.add(title, found)
    search.follow(todo)
    lacking = []
    for name, version in sorted(search.chosen.items()):
        want = search.wants[name]
        package = archive.package(want.project)
        demands = search.unsatisfied(want)
        have = archive.versions.get(package)
        lacking.append(
            Missing(
                project=want.project,
                package=package,
                needed=str(_all(demands.values())),
                available=str(have or ""),
                wanted_by=tuple(sorted(demands)),
                version=str(version),
                packaged=(packaged or {}).get(package, ""),
            )
        )
    return lacking


def table(lacking: Sequence[Missing]) -> str:
    """Return the libraries as a table for people."""
    head = ("library", "needed", "the release has", "oldest that fits", "packaged here", "for")
    rows = [
        (
            item.project,
            item.needed or "any",
            item.available or "-",
            item.version,
            item.packaged or "-",
            ", ".join(item.wanted_by),
        )
        for item in lacking
    ]
    widths = [max(len(row[n]) for row in (head, *rows)) for n in range(len(head) - 1)]
    lines = [
        "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])
        for row in (head, *rows)
    ]
    return "\n".join(lines)
