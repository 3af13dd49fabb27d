# SPDX-License-Identifier: Apache-2.0
"""debstack preseed convert: print ours for a preseed file of Debian's own packages."""

from __future__ import annotations

import sys
from collections import Counter
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.main import OK
from debstack.runtime.answers_command import export_lines
from debstack.runtime.preseeds.conversion.convert import convert
from debstack.runtime.preseeds.conversion.outcome import Conversion, Kind
from debstack.runtime.preseeds.known import LIST_PACKAGE, Known, read_known
from debstack.runtime.preseeds.reading import read_preseed

_ROOT = Path("/")


def converted_lines(conversion: Conversion, known: Known, where: str) -> list[str]:
    """Return the lines of the new file. Raises AnswerError where a value cannot stand in one."""
    values = {name: candidate.value for name, candidate in conversion.answers.items()}
    return [
        f"# Made by debstack preseed convert from {where}.",
        *conversion.others,
        *export_lines(known.questions, values),
    ]


def report(conversion: Conversion, where: str) -> list[str]:
    """Return what there is to tell: a line for each one that gave no answer, and the sums."""
    told = [note.text(where) for note in conversion.notes]
    counts = Counter(note.kind for note in conversion.notes)
    sums = [
        f"{counts[Kind.NEEDLESS]} not needed",
        f"{counts[Kind.UNUSED]} not used",
        f"{counts[Kind.CONTRADICTION]} contradictions",
    ]
    if conversion.others:
        sums.append(f"{len(conversion.others)} for other packages, kept")
    return [*told, f"{where}: {len(conversion.answers)} answers; lines: {', '.join(sums)}"]


def preseed_convert(name: str) -> int:
    """Convert the preseed file `name`; return the exit code. Raises DebstackError."""
    known = read_known(_ROOT)
    if not known.whole_series:
        raise DebstackError(
            "preseed convert: the questions of packages that are not installed are not known",
            hint=f"run: apt-get install {LIST_PACKAGE}",
        )
    where, preseed = read_preseed(name)
    conversion = convert(preseed, known)
    lines = converted_lines(conversion, known, where)
    for told in report(conversion, where):
        print(f"debstack: {told}", file=sys.stderr)
    if not conversion.answers:
        raise DebstackError(
            f"{where}: it answers no question of OpenStack's packages",
            hint="give a file in the format of debconf-set-selections",
        )
    print("\n".join(lines))
    return OK
