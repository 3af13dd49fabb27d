# SPDX-License-Identifier: Apache-2.0
"""What the target release of Debian has: the package lists of a base root."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from debian.debian_support import Version

from pipeline.root import Base


def _stanzas(path: Path) -> Iterator[tuple[str, str]]:
    """Give name and version of each package in a Packages file."""
    name = ""
    with path.open(encoding="utf-8") as stream:
        for line in stream:
            if line.startswith("Package: "):
                name = line[9:].strip()
            elif line.startswith("Version: "):
                yield name, line[9:].strip()


def archive_versions(base: Base) -> dict[str, Version]:
    """Return the newest version of every binary package that the base's mirror has."""
    found: dict[str, Version] = {}
    for path in sorted((base.path / "var/lib/apt/lists").glob("*_Packages")):
        for name, text in _stanzas(path):
            version = Version(text)
            if name not in found or version > found[name]:
                found[name] = version
    return found
