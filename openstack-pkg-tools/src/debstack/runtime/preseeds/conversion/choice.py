# SPDX-License-Identifier: Apache-2.0
"""Which of several lines is believed, and what is wrong with the others. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from debstack.runtime.manifests import KnownQuestion
from debstack.runtime.preseeds.conversion.outcome import Candidate, Kind, Note
from debstack.spec.checks import accepted, accepts


def _note(candidate: Candidate, kind: Kind, message: str) -> Note:
    return Note(line=candidate.line, question=candidate.origin, kind=kind, message=message)


def _contradiction(candidate: Candidate, chosen: Candidate, item: KnownQuestion) -> Note:
    values = "" if item.secret else f': "{candidate.value}", not "{chosen.value}"'
    message = (
        f"line {chosen.line} ({chosen.origin}) answers {chosen.target} otherwise,"
        f" and is taken{values}"
    )
    return _note(candidate, Kind.CONTRADICTION, message)


def choose(
    candidates: Sequence[Candidate], questions: Mapping[str, KnownQuestion]
) -> tuple[dict[str, Candidate], list[Note]]:
    """Return the answer to each question of ours: the lowest rank, then the first line.

    The notes name what contradicts it, and what no question of ours takes.
    """
    chosen: dict[str, Candidate] = {}
    notes: list[Note] = []
    for candidate in sorted(candidates, key=lambda c: (c.rank, c.line)):
        item = questions.get(candidate.target)
        if item is None:
            why = f"no package of this series asks {candidate.target}"
            notes.append(_note(candidate, Kind.UNUSED, why))
        elif candidate.target in chosen:
            if candidate.value != chosen[candidate.target].value:
                notes.append(_contradiction(candidate, chosen[candidate.target], item))
        elif not item.secret and not accepts(item.question, candidate.value):
            why = f'{item.name} takes {accepted(item.question)}, found "{candidate.value}"'
            notes.append(_note(candidate, Kind.UNUSED, why))
        elif item.secret and not candidate.value.isprintable():
            why = "the password holds characters that cannot be printed"
            notes.append(_note(candidate, Kind.UNUSED, why))
        else:
            chosen[candidate.target] = candidate
    return _without_what_they_need(chosen, notes), notes


def _without_what_they_need(
    chosen: Mapping[str, Candidate], notes: list[Note]
) -> dict[str, Candidate]:
    kept = {}
    for name, candidate in chosen.items():
        if candidate.needs and candidate.needs not in chosen:
            why = f"{name} means something together with {candidate.needs} only"
            notes.append(_note(candidate, Kind.NEEDLESS, why))
        else:
            kept[name] = candidate
    return kept
