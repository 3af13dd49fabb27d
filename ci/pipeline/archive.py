# SPDX-License-Identifier: Apache-2.0
"""What the target release of Debian has: the package lists of a base root, Python names in them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from debian.debian_support import Version as DebianVersion
from packaging.version import InvalidVersion, Version

from pipeline.index import normalised
from pipeline.root import Base, ensure_layer
from pipeline.tree import cache_dir

#: dh-python's own table of project names and the packages that hold them.
_PYDIST = "usr/share/dh-python/dist/cpython3_fallback"
#: Projects that Debian has outside its Python packages; normalised name to package.
_ELSEWHERE = {"tzdata": "tzdata"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PythonArchive:
    """The release's Python: its version, and the version of each package by its name."""

    python: Version
    versions: Mapping[str, DebianVersion]
    #: Normalised project name to binary package, where dh-python's table has it.
    packages: Mapping[str, str]

    def package(self, project: str) -> str:
        """Return the binary package that has, or would have, a project of the package index."""
        name = normalised(project)
        if name in _ELSEWHERE:
            return _ELSEWHERE[name]
        plain = f"python3-{name}"
        known = self.packages.get(name, plain)
        return known if known in self.versions or plain not in self.versions else plain


def _stanzas(path: Path) -> Iterator[tuple[str, str]]:
    """Give name and version of each package in a Packages file."""
    name = ""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("Package: "):
                name = line[9:].strip()
            elif line.startswith("Version: "):
                yield name, line[9:].strip()


def archive_versions(base: Base) -> dict[str, DebianVersion]:
    """Return the newest version of every binary package that the base's mirror has."""
    found: dict[str, DebianVersion] = {}
    for path in sorted((base.path / "var/lib/apt/lists").glob("*_Packages")):
        for name, text in _stanzas(path):
            version = DebianVersion(text)
            if name not in found or version > found[name]:
                found[name] = version
    return found


def upstream_version(version: DebianVersion) -> Version:
    """Return the upstream release that a Debian version stands for, as Python compares it.

    A repacked release (+dfsg, +ds) counts as the release; of `a+reallyb` it is b.
    """
    text = str(version.upstream_version).rpartition("+really")[2]
    text = re.sub(r"[+~.](dfsg|ds|git|repack).*$", "", text)
    try:
        return Version(text.replace("~", ""))
    except InvalidVersion:
        digits = re.match(r"\d+(\.\d+)*", text)
        return Version(digits.group() if digits else "0")


def parse_pydist(text: str) -> dict[str, str]:
    """Return normalised project name to binary package from dh-python's table."""
    lines = [line.split() for line in text.splitlines()]
    return {normalised(line[0]): line[1] for line in lines if len(line) == 2}


def python_archive(base: Base) -> PythonArchive:
    """Return the PythonArchive of a base root's release."""
    versions = archive_versions(base)
    layer = ensure_layer(base, ["dh-python"], cache_dir() / "pydist.log")
    return PythonArchive(
        python=upstream_version(versions["python3"]),
        versions=versions,
        packages=parse_pydist((layer / _PYDIST).read_text(encoding="utf-8")),
    )
