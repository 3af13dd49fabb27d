# SPDX-License-Identifier: Apache-2.0
"""Figures with their targets, as a table and as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measured value; `target` is the most it should be, `peer` what a peer takes.

    Of what is the better the more it is, `least` is the least it should be. A value of None could
    not be measured: `log` names the file that says why.
    """

    name: str
    value: float | None
    unit: str
    target: float | None = None
    least: float | None = None
    peer: float | None = None
    log: str = ""

    @property
    def ratio(self) -> float | None:
        """How much of the peer's value it is."""
        return self.value / self.peer if self.peer and self.value is not None else None

    @property
    def met(self) -> bool | None:
        """Whether the value is as it should be; None where nothing is wanted of it."""
        if self.value is None:
            return False
        if self.target is None and self.least is None:
            return None
        above = self.least is None or self.value >= self.least
        return above and (self.target is None or self.value <= self.target)


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


def _wanted(figure: Figure) -> str:
    return _cell(figure.target) if figure.least is None else f"at least {_cell(figure.least)}"


def _verdict(figure: Figure) -> str:
    if figure.value is None:
        return "FAILED"
    return {None: "", True: "met", False: "MISSED"}[figure.met]


def table(figures: Sequence[Figure]) -> str:
    """Return `figures` as aligned lines of text."""
    rows = [("figure", "value", "unit", "target", "", "peer", "ratio", "log")]
    rows += [
        (
            figure.name,
            _cell(figure.value),
            figure.unit,
            _wanted(figure),
            _verdict(figure),
            _cell(figure.peer),
            _cell(figure.ratio),
            figure.log,
        )
        for figure in figures
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    left = {0, 2, 4, 7}
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
