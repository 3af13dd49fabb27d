# SPDX-License-Identifier: Apache-2.0
"""Where the controller keeps what it knows of further cells. Imports nothing: purge reads it."""

from __future__ import annotations

from pathlib import Path

#: A file with the passwords of each cell.
FOLDER = "/etc/debstack/cells"
SUFFIX = ".preseed"
#: A file for each cell whose machine has come, with the name of that.
CAME = "/var/lib/debstack/tls/cells"


def path_of(root: Path, name: str) -> Path:
    """Return the file with the passwords of the cell `name`."""
    return root / FOLDER.lstrip("/") / f"{name}{SUFFIX}"


def came_path(root: Path, name: str) -> Path:
    """Return the file with the machine of the cell `name`, which is there once that has come."""
    return root / CAME.lstrip("/") / name


def names(root: Path) -> list[str]:
    """Return the names of all cells that are noted, in order."""
    found = (root / FOLDER.lstrip("/")).glob(f"*{SUFFIX}")
    return sorted(path.name.removesuffix(SUFFIX) for path in found)
