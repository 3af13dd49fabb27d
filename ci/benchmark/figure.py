# SPDX-License-Identifier: Apache-2.0
"""Figures with their targets, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value; `target` is the most it should be, `peer` what Debian's packages take."""

    name: str
    value: float
    unit: str
    target: float | None = None
    peer: float | None = None

    @property
    def ratio(self) -> float | None:
        """How much of the peer's value it is."""
        return self.value / self.peer if self.peer else None


def beside(ours: Sequence[Figure], theirs: Sequence[Figure]) -> list[Figure]:
    """Return `ours` with the peer's values of the same names; what it alone has comes last."""
    values = {figure.name: figure.value for figure in theirs}
    names = {figure.name for figure in ours}
    return [
        *(replace(figure, peer=values.get(figure.name)) for figure in ours),
        *(figure for figure in theirs if figure.name not in names),
    ]


def _cell(value: float | None, form: str = ".2f") -> str:
    return "" if value is None else format(value, form)


def _verdict(figure: Figure) -> str:
    if figure.target is None:
        return ""
    return "met" if figure.value <= figure.target else "MISSED"


def table(figures: Sequence[Figure]) -> str:
    """Return `figures` as aligned lines of text."""
    rows = [("figure", "value", "unit", "target", "", "peer", "ratio")]
    rows += [
        (
            figure.name,
            _cell(figure.value),
            figure.unit,
            _cell(figure.target),
            _verdict(figure),
            _cell(figure.peer),
            _cell(figure.ratio),
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = {0, 2, 4}
    lines = (
        "  ".join(
            cell.ljust(width) if column in left else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    )
    return "\n".join(lines)


def write(figures: Iterable[Figure], path: Path) -> None:
    """Write `figures` to `path` as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps([asdict(figure) for figure in figures], indent=2)
    path.write_text(text + "\n", encoding="utf-8")
