# SPDX-License-Identifier: Apache-2.0
"""A preseed file for Debian's own packages, turned into one for ours. Pure."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Iterator, Mapping

from debstack.runtime.preseed import SHOWN_ONLY, TYPES, Preseed
from debstack.runtime.preseeds.conversion import keystone
from debstack.runtime.preseeds.conversion.choice import choose
from debstack.runtime.preseeds.conversion.families import SOURCE_OF, is_of_debian, rule_for
from debstack.runtime.preseeds.conversion.outcome import Candidate, Conversion, Kind, Note
from debstack.runtime.preseeds.conversion.reading import Line, follow, named_here
from debstack.runtime.preseeds.known import Known

#: Metapackages of Debian's, as an installer's preseed names them, and what there is instead.
PACKAGES: Mapping[str, str] = {
    "openstack-toaster": "openstack-all-in-one",
    "openstack-proxy-node": "openstack-controller",
    "openstack-compute-node": "openstack-compute",
    "openstack-cloud-identity": "keystone",
}
_INCLUDE = "pkgsel/include"
_MALFORMED = "expected OWNER QUESTION TYPE VALUE"


def _lines(preseed: Preseed) -> Iterator[Line]:
    values = preseed.values()
    near: dict[str, dict[str, str]] = defaultdict(dict)
    for name, value in values.items():
        prefix, _, key = name.partition("/")
        near[prefix][key] = value
    for number, entry in preseed.numbered():
        yield Line(number=number, entry=entry, near=near[entry.name.partition("/")[0]])


def _is_openstack(name: str, known: Known) -> bool:
    prefix = name.partition("/")[0]
    return prefix in SOURCE_OF or prefix in known.prefixes


def _read(line: Line, known: Known) -> Candidate | Note:
    """Return what a line that is about OpenStack stands for."""
    name = line.entry.name
    if line.entry.type in SHOWN_ONLY:
        return line.note(Kind.NEEDLESS, "debconf only showed this")
    if line.entry.type not in TYPES:  # perhaps the value, and so perhaps a password
        return line.note(Kind.UNUSED, _MALFORMED)
    if name in known.questions:  # ours already
        return Candidate(
            target=name, value=line.entry.value, line=line.number, origin=name, rank=-1
        )
    rule = rule_for(name)
    if rule is None:
        return line.note(Kind.UNUSED, "neither Debian's packages nor these ask this")
    came = follow(rule, line)
    if isinstance(came, Note):
        return came
    return dataclasses.replace(came, target=named_here(came.target, known.questions))


def _other(line: Line) -> tuple[str, list[Note]]:
    """Return a line for other packages as it was, and what there is to say about it."""
    notes = []
    if line.entry.name == _INCLUDE:
        for word in line.entry.value.replace(",", " ").split():
            if word in PACKAGES:
                message = f"{word} is Debian's: write {PACKAGES[word]}"
                notes.append(line.note(Kind.UNUSED, message))
    return line.entry.text(), notes


def convert(preseed: Preseed, known: Known) -> Conversion:
    """Return what `preseed` comes to with the questions that are `known`."""
    notes = [
        Note(line=number, question=" ".join(text.split()[:2]), kind=Kind.UNUSED, message=_MALFORMED)
        for number, text in preseed.not_understood()
    ]
    candidates: list[Candidate] = []
    others: list[str] = []
    for line in _lines(preseed):
        name = line.entry.name
        if not _is_openstack(name, known) and not is_of_debian(name):
            text, told = _other(line)
            others.append(text)
            notes += told
            continue
        if line.number != preseed.line_of(name):
            message = f"line {preseed.line_of(name)} answers the same question, and counts"
            notes.append(line.note(Kind.UNUSED, message))
            continue
        came = _read(line, known)
        if isinstance(came, Candidate):
            candidates.append(came)
        else:
            notes.append(came)
    others += [text for name, text in preseed.flags() if not _is_openstack(name, known)]
    placed, told = keystone.place(candidates, here=keystone.is_here(preseed.entries()))
    answers, more = choose(placed, known.questions)
    return Conversion(
        answers=answers,
        notes=tuple(sorted([*notes, *told, *more], key=lambda note: note.line)),
        others=tuple(others),
    )
