# SPDX-License-Identifier: Apache-2.0
"""cells:<source>: the further cells of Nova that are noted here, mapped once they answer.

A cell that does not answer yet is no failure of this machine: it is told. One that is mapped as it
should is not asked.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial

from debstack.runtime.cells import mapping, noted
from debstack.runtime.cells.mapping import Place, Row
from debstack.runtime.cells.noted import Cell
from debstack.runtime.context import Context
from debstack.runtime.files import WantedFile, difference, remove, write
from debstack.runtime.step import Change, Step

log = logging.getLogger(__name__)

_HEADER = """\
# Made by debstack: the cells of Nova besides that of this machine. Nova's daemons know of those
# that there were when they started: where this file changes, debstack apply restarts them.
"""


def told(rows: Mapping[str, Row]) -> str:
    """Return the text of the drop-in for cells that are mapped, by name. Pure."""
    return _HEADER + "".join(f"# {name}: {row.digest}\n" for name, row in sorted(rows.items()))


class CellsStep(Step):
    """Maps cells, and has Nova's daemons know."""

    def __init__(self, place: Place, cells: Sequence[Cell]) -> None:
        key = f"{place.source}/{place.declared.database}"
        self.id = f"cells:{place.source}"
        self.needs = frozenset({"files:site", "tls:trust", f"schema:{key}", f"rows:{key}"})
        self._place = place
        self._cells = cells

    def changes(self) -> Sequence[Change]:
        """See Step. Raises DatabaseError for the database that has the mappings."""
        place = self._place
        with place.open() as session:
            rows = mapping.mapped(session)
        found: list[Change] = []
        there: dict[str, Row] = {}
        for cell in self._cells:
            row = rows.get(mapping.identifier(cell.name))
            address = mapping.address_of(place, cell, rows)
            if not address:
                address, why = mapping.answering(place, cell)
                if address:
                    summary = f"map cell {cell.name} to {address}"
                    perform = partial(mapping.map_cell, place, cell, address)
                    found.append(Change(summary=summary, perform=perform))
                else:
                    log.warning("cell %s: not mapped: %s", cell.name, why)
            if address:
                there[cell.name] = mapping.wanted(place, cell, address)
            elif row is not None:
                there[cell.name] = row
        return [*found, *self._telling(there)]

    def _telling(self, rows: Mapping[str, Row]) -> list[Change]:
        path, absolute = self._place.file, self._place.declared.file
        if not rows:
            gone = Change(summary=f"delete {absolute}", perform=partial(remove, path))
            return [gone] if path.exists() else []
        group = self._place.account.system_user
        wanted = WantedFile(path=path, content=told(rows), mode=0o640, group=group)
        if not difference(wanted):
            return []
        return [Change(summary=f"write {absolute}", perform=partial(write, wanted))]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"map cell {cell.name}" for cell in self._cells if cell.addresses]


def build(context: Context) -> list[Step]:
    """Return the step, where a cell is noted or was."""
    place = mapping.place_of(context)
    if place is None:
        return []
    cells = noted.held(context.root)
    return [CellsStep(place, cells)] if cells or place.file.exists() else []
