# SPDX-License-Identifier: Apache-2.0
"""What is done with cells by a command, on the controller: waiting for them, forgetting them."""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.main import OK
from debstack.runtime import apply
from debstack.runtime.cells import mapping, noted, places
from debstack.runtime.cells.mapping import Place
from debstack.runtime.doing import Doing
from debstack.runtime.files import remove
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import Machine, read_machine, require_root

_ROOT = Path("/")
#: A machine that has its certificate installs all the rest meanwhile.
DEADLINE_S = 2700.0
_POLL_S = 3.0


def place_here(machine: Machine) -> Place:
    """Return where the cells of this cloud are mapped. Raises DebstackError on another machine."""
    place = mapping.place_of(machine.context())
    if place is None:
        raise DebstackError(
            "this machine has no Nova that knows of cells, so it is not the controller of a cloud",
            hint="run the same on the machine where openstack-controller is installed",
        )
    return place


def mapped_address(place: Place, name: str) -> str:
    """Return where the cell `name` is. Raises DebstackError while it is not mapped."""
    cell = noted.chosen(place.root, name)
    with place.open() as session:
        address = mapping.address_of(place, cell, mapping.mapped(session))
    if address:
        return address
    _, why = mapping.answering(place, cell)
    raise DebstackError(
        f"--cell: {name} is not mapped yet{f': {why}' if why else ''}",
        hint="install openstack-cell on its machine, then here: debstack apply",
    )


def _due(place: Place) -> dict[str, str]:
    """Return why each cell whose machine has come is not mapped; empty where it answers by now."""
    with place.open() as session:
        rows = mapping.mapped(session)
    return {
        cell.name: mapping.answering(place, cell)[1]
        for cell in noted.held(place.root)
        if cell.addresses and not mapping.address_of(place, cell, rows)
    }


def await_cells(*, deadline_s: float = DEADLINE_S) -> int:
    """Map the cells whose machines have come, each as soon as it answers; return the exit code.

    Raises DebstackError where one does not in time.
    """
    require_root()
    place = place_here(read_machine(_ROOT))
    until = time.monotonic() + deadline_s
    while due := _due(place):
        if not all(due.values()):
            code = apply.apply(quiet=True)
            if code != OK:
                return code
        elif time.monotonic() > until:
            raise DebstackError(
                "; ".join(f"cell {name}: {why}" for name, why in due.items()),
                hint="once it answers, run: debstack apply",
            )
        time.sleep(_POLL_S)
    return OK


def check_empty(name: str, hosts: int, servers: int) -> None:
    """Refuse for a cell that is in use. Raises DebstackError."""
    if servers:
        raise DebstackError(
            f"--cell: {name} has {servers} servers by the cloud's records",
            hint="delete them first",
        )
    if hosts:
        raise DebstackError(
            f"--cell: {name} has {hosts} compute nodes",
            hint="take them away first: on each, apt-get purge --autoremove openstack-compute;"
            " debstack nodes tells which they are",
        )


def forget_cell(name: str, *, dry_run: bool) -> int:
    """Remove the mapping of the cell `name` and what is noted of it; return the exit code.

    Raises DebstackError.
    """
    require_root()
    doing = Doing(dry_run=dry_run)
    with single_apply():
        place = place_here(read_machine(_ROOT))
        noted.chosen(_ROOT, name)
        with place.open() as session:
            check_empty(name, *mapping.left_in(session, name))
            there = mapping.identifier(name) in mapping.mapped(session)
        if there:
            doing(f"delete the mapping of cell {name}", partial(mapping.unmap_cell, place, name))
        # The passwords go last: as long as they are there, the cell is known.
        for path in (places.came_path(_ROOT, name), places.path_of(_ROOT, name)):
            if path.exists():
                doing(f"delete {path}", partial(remove, path))
    return OK if dry_run else apply.apply(quiet=True)
