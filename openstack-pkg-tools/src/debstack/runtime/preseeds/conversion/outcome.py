# SPDX-License-Identifier: Apache-2.0
"""What came of a conversion: answers of ours, and what there is to say about lines of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Kind(StrEnum):
    """What there is to say about a line that gave no answer."""

    #: It says what is so anyway.
    NEEDLESS = "not needed"
    #: It asks for something that ours do not do, or cannot be read.
    UNUSED = "not used"
    #: Another line says something else, and is believed.
    CONTRADICTION = "contradicts"


@dataclass(frozen=True, slots=True, kw_only=True)
class Note:
    """A line, and why it gave no answer. No password is ever part of one."""

    line: int
    question: str
    kind: Kind
    message: str

    def text(self, where: str) -> str:
        """Return it as one line, with the file's name `where` in front."""
        return f"{where}:{self.line}: {self.question}: {self.kind}: {self.message}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """An answer of ours that a line of theirs stands for."""

    target: str
    value: str = field(repr=False)
    line: int
    #: The question of theirs.
    origin: str
    rank: int
    needs: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversion:
    """All that came of a file."""

    #: Question of ours to the line that answers it.
    answers: Mapping[str, Candidate]
    #: Sorted by line.
    notes: tuple[Note, ...]
    #: Lines for other packages, as they stand in the file.
    others: tuple[str, ...]
