# SPDX-License-Identifier: Apache-2.0
"""What the packages of each role declare, those that are not on this machine too."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from debstack.base.errors import DebstackError
from debstack.runtime import manifests
from debstack.spec.load import suggestion
from debstack.spec.vocabulary import SCHEMA, Manifest

#: Where the package openstack-preseeds has the manifests of the whole series.
SERIES = "/usr/share/debstack/series"
#: The role of a machine that only has users on it: its packages declare nothing.
CLIENTS = "clients"
_ROLES = "roles.json"


def _read_roles(root: Path) -> dict[str, Any]:
    path = root / SERIES.lstrip("/") / _ROLES
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DebstackError(
            f"{path}: does not exist, so that nothing is known of other roles",
            hint="run: apt-get install openstack-preseeds",
        ) from error
    found: dict[str, Any] = json.loads(text)
    if found.get("schema") != SCHEMA:
        raise DebstackError(
            f"{path}: schema: expected {SCHEMA}, found {found.get('schema')}",
            hint="upgrade debstack and openstack-preseeds together",
        )
    return found


def _manifests(root: Path, binaries: Sequence[str]) -> tuple[Manifest, ...]:
    folder = root / SERIES.lstrip("/")
    return tuple(manifests.read_manifest(folder / f"{binary}.json") for binary in binaries)


def role_manifests(root: Path, role: str) -> tuple[Manifest, ...]:
    """Return what the packages of `role` declare. Raises DebstackError."""
    roles: dict[str, list[str]] = _read_roles(root)["role"]
    if role not in roles:
        names = sorted({*roles, CLIENTS})
        raise DebstackError(
            f'--role: expected one of {", ".join(names)}, found "{role}"{suggestion(role, names)}'
        )
    return _manifests(root, roles[role])


def series_manifests(root: Path) -> tuple[Manifest, ...]:
    """Return what all packages of the series declare, by name. Raises DebstackError."""
    _read_roles(root)  # which tells what is missing
    found = (root / SERIES.lstrip("/")).glob("*.json")
    return _manifests(root, sorted(path.stem for path in found if path.name != _ROLES))


def besides(root: Path, role: str, here: Sequence[Manifest]) -> dict[str, tuple[Manifest, ...]]:
    """Return the packages that a machine of `role` gets besides its metapackage.

    They are those that the metapackage suggests and of whose source something is `here`: a cloud
    that is metered has an agent on its compute nodes. Each comes with what it brings declared.
    Raises DebstackError.
    """
    sources = {manifest.source for manifest in here}
    suggested: dict[str, list[str]] = _read_roles(root).get("suggested", {}).get(role, {})
    found = {name: _manifests(root, binaries) for name, binaries in suggested.items()}
    return {
        name: brought
        for name, brought in found.items()
        if any(m.binary == name and m.source in sources for m in brought)
    }


def together(
    packages: Sequence[Manifest], more: Mapping[str, Sequence[Manifest]]
) -> tuple[Manifest, ...]:
    """Return `packages` and what `more` brings, each once."""
    everything = [*packages, *(manifest for brought in more.values() for manifest in brought)]
    return tuple({manifest.binary: manifest for manifest in everything}.values())
