# SPDX-License-Identifier: Apache-2.0
"""What is in an image: every package with version, source and checksum, and how it was built."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debstack.base.run import run
from debstack_image.index import ImageError, Package

SCHEMA = 1
_PACKAGE = {"name", "version", "architecture", "sha256"}
_FORMAT = "${Package}\t${Version}\t${Architecture}\t${source:Package}\t${source:Version}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """A package in the image: as dpkg has it, and the SHA-256 of the file that it came in."""

    name: str
    version: str
    architecture: str
    source: str
    source_version: str
    digest: str


def installed_packages(root: Path, known: Sequence[Package]) -> list[Installed]:
    """Return the packages of the tree by name; `known` says what files they came in.

    A package that a hook installed is not known: its checksum is empty.
    """
    digests = {(p.name, p.version, p.architecture): p.digest for p in known}
    listed = run(["dpkg-query", f"--admindir={root}/var/lib/dpkg", "-W", "-f", _FORMAT]).stdout
    found = []
    for line in listed.splitlines():
        name, version, architecture, source, source_version = line.split("\t")
        found.append(
            Installed(
                name=name,
                version=version,
                architecture=architecture,
                source=source,
                source_version=source_version,
                digest=digests.get((name, version, architecture), ""),
            )
        )
    return sorted(found, key=lambda package: (package.name, package.architecture))


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def render(packages: Sequence[Installed], build: dict[str, Any], files: dict[str, str]) -> str:
    """Return the manifest as JSON. `files` are the checksums of what was written, by name."""
    content = {
        "schema": SCHEMA,
        "build": build,
        "files": files,
        "packages": [
            {
                "name": package.name,
                "version": package.version,
                "architecture": package.architecture,
                "source": package.source,
                "source-version": package.source_version,
                "sha256": package.digest,
            }
            for package in packages
        ],
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def load(path: Path) -> dict[str, Any]:
    """Return the manifest in a file. Raises ImageError where it is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ImageError(f"{path}: not a manifest: {error}") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ImageError(f"{path}: expected a manifest of schema {SCHEMA}")
    packages = content.get("packages")
    whole = isinstance(packages, list) and all(
        isinstance(package, dict) and package.keys() >= _PACKAGE for package in packages
    )
    if not whole or not isinstance(content.get("build"), dict):
        raise ImageError(f"{path}: expected a whole manifest, with build and packages")
    return content


def difference(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """Return the lines that tell how the packages of two manifests differ."""
    old = {(p["name"], p["architecture"]): p["version"] for p in before["packages"]}
    new = {(p["name"], p["architecture"]): p["version"] for p in after["packages"]}
    lines = []
    for key in sorted({*old, *new}):
        name = ":".join(key)
        if key not in new:
            lines.append(f"- {name} {old[key]}")
        elif key not in old:
            lines.append(f"+ {name} {new[key]}")
        elif old[key] != new[key]:
            lines.append(f"  {name} {old[key]} -> {new[key]}")
    return lines
