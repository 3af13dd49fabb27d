# SPDX-License-Identifier: Apache-2.0
"""The further cells that the controller knows: their passwords, and where their machines are.

One file for each cell, in the format of debconf-set-selections, as debstack export makes it. Which
machine a cell is on shows when that gets its certificate.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cryptography import x509

from debstack.base.errors import DebstackError
from debstack.base.secret import Secret
from debstack.runtime.cells import places
from debstack.runtime.files import read_text
from debstack.runtime.preseed import Preseed
from debstack.runtime.tls import reading, signing
from debstack.spec.load import suggestion

HEADER = """\
# Passwords of one cell of this cloud, made by debstack export --role cell.
# debstack forget --cell removes them, and the mapping of the cell.
"""
#: The question that the address of a cell's machine is kept as, where it was told.
ADDRESS = "openstack/management-address"
#: The names that Nova itself, and we for the cell of the controller, have taken.
_OURS = ("cell0", "cell1")
_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A cell as it is noted."""

    name: str
    #: By the full names of their questions.
    passwords: Mapping[str, Secret] = field(repr=False)
    #: Where its machine may be; empty while that has not come.
    addresses: tuple[str, ...] = ()
    #: The machine, where it is known by its certificate.
    node: str = ""


def checked_name(name: str) -> str:
    """Return `name`, which is to be that of a further cell. Raises DebstackError."""
    if not _NAME.fullmatch(name):
        raise DebstackError(
            "--cell: expected the name of a cell (up to 63 letters, digits, dots, hyphens and"
            f" underscores, such as cell2), found {name!a:.80}"
        )
    if name in _OURS:
        raise DebstackError(
            f"--cell: {name} is on the controller itself", hint="give the new one another name"
        )
    return name


def _addresses(root: Path, node: str) -> tuple[str, ...]:
    """Return the addresses in the last certificate of the machine `node`, in order."""
    text = read_text(signing.issued_path(root, node)) if node else None
    if not text:
        return ()
    certificate = reading.chain_of(text)[0]
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return tuple(map(str, names.get_values_for_type(x509.IPAddress)))


def held(root: Path) -> tuple[Cell, ...]:
    """Return all cells that are noted, by name."""
    found = []
    for name in places.names(root):
        values = dict(Preseed.parse(read_text(places.path_of(root, name)) or "").values())
        told = values.pop(ADDRESS, "")
        node = (read_text(places.came_path(root, name)) or "").strip()
        found.append(
            Cell(
                name=name,
                passwords={key: Secret(value) for key, value in values.items() if value},
                addresses=(told,) if told else _addresses(root, node),
                node=node,
            )
        )
    return tuple(found)


def chosen(root: Path, name: str) -> Cell:
    """Return the cell `name`. Raises DebstackError where none of that name is noted."""
    checked_name(name)
    cells = held(root)
    for cell in cells:
        if cell.name == name:
            return cell
    raise DebstackError(
        f"--cell: no cell of this cloud is called {name}"
        f"{suggestion(name, [cell.name for cell in cells])}",
        hint=f"to have one: debstack export --role cell --cell {name}",
    )
