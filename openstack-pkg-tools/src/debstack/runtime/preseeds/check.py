# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a preseed file of ours. Pure."""

from __future__ import annotations

import difflib

from debstack.runtime.manifests import KnownQuestion
from debstack.runtime.preseed import SHOWN_ONLY, TYPES, Entry, Preseed
from debstack.runtime.preseeds.conversion.families import is_of_debian
from debstack.runtime.preseeds.finding import Finding, Severity
from debstack.runtime.preseeds.known import LIST_PACKAGE, Known
from debstack.spec.checks import accepted, accepts
from debstack.spec.vocabulary import QuestionType

#: The owner whose lines stay in the installer; all others reach the installed system.
_INSTALLER = "d-i"
#: A longer value is some text, and its end tells nothing.
_SHOWN = 100


def _shown(value: str) -> str:
    return value if len(value) <= _SHOWN else f"{value[:_SHOWN]}…"


def _meant(name: str, known: Known) -> str:
    """Return the question that `name` probably means; empty where none comes near."""
    prefix, _, key = name.partition("/")
    if prefix not in known.prefixes:
        close = difflib.get_close_matches(name, sorted(known.questions), n=1, cutoff=0.85)
        return close[0] if close else ""
    # Its key as it is, elsewhere, is nearer than one that looks like it.
    elsewhere = [other for other in sorted(known.questions) if other.partition("/")[2] == key]
    if elsewhere:
        return elsewhere[0]
    keys = [other.partition("/")[2] for other in known.questions if other.startswith(f"{prefix}/")]
    close = difflib.get_close_matches(key, sorted(keys), n=1, cutoff=0.6)
    return f"{prefix}/{close[0]}" if close else ""


def _unknown(line: int, entry: Entry, known: Known) -> Finding | None:
    suggestion = _meant(entry.name, known)
    if is_of_debian(entry.name):
        message = (
            "a question of Debian's own packages, which ours do not ask;"
            " debstack preseed convert makes a file for ours of it"
        )
        return Finding(line=line, question=entry.name, message=message)
    if entry.name.partition("/")[0] in known.prefixes:
        message = "no package of this series asks this"
        if not known.whole_series:
            message = f"no installed package asks this; {LIST_PACKAGE} knows of the others"
        return Finding(line=line, question=entry.name, message=message, suggestion=suggestion)
    if not suggestion:
        return None  # of another package: no business of ours
    return Finding(
        line=line,
        question=entry.name,
        message="not a question of OpenStack's packages",
        severity=Severity.WARNING,
        suggestion=suggestion,
    )


def _value(line: int, entry: Entry, item: KnownQuestion) -> Finding | None:
    if item.secret:
        if entry.value.isprintable():
            return None
        message = "the password holds characters that cannot be printed"
        return Finding(line=line, question=entry.name, message=message)
    if not entry.value or accepts(item.question, entry.value):
        return None
    wanted = accepted(item.question)
    return Finding(
        line=line,
        question=entry.name,
        message=f"expected {wanted}",
        found=None if entry.type == QuestionType.PASSWORD else _shown(entry.value),
        accepted=wanted,
    )


def _type(line: int, entry: Entry, item: KnownQuestion) -> Finding | None:
    wanted = item.question.type
    if entry.type == wanted:
        return None
    if entry.type not in (
        *TYPES,
        *SHOWN_ONLY,
    ):  # and so perhaps the value, which perhaps is a password
        message = f"expected the type {wanted} between question and value"
        return Finding(line=line, question=entry.name, message=message)
    harm = QuestionType.PASSWORD in (entry.type, wanted)
    # debconf keeps values of that type, and of no other, where root alone can read them.
    why = "; debconf would keep the password where everybody reads it" if item.secret else ""
    return Finding(
        line=line,
        question=entry.name,
        message=f"the type is {wanted}, not {entry.type}{why}",
        severity=Severity.ERROR if harm else Severity.WARNING,
    )


def _of_answer(line: int, entry: Entry, known: Known) -> list[Finding]:
    item = known.questions.get(entry.name)
    if item is None:
        unknown = _unknown(line, entry, known)
        return [] if unknown is None else [unknown]
    found = [_type(line, entry, item), _value(line, entry, item)]
    if entry.owner == _INSTALLER:
        message = f"the owner {_INSTALLER} keeps it in the installer; write {item.binary}"
        found.append(Finding(line=line, question=entry.name, message=message))
    return [finding for finding in found if finding is not None]


def _repeated(preseed: Preseed, known: Known) -> list[Finding]:
    seen: dict[str, int] = {}
    found = []
    for line, entry in preseed.numbered():
        if entry.name in seen and entry.name in known.questions:
            found.append(
                Finding(
                    line=line,
                    question=entry.name,
                    message=f"answered in line {seen[entry.name]} too; this one counts",
                    severity=Severity.WARNING,
                )
            )
        seen[entry.name] = line
    return found


def check(preseed: Preseed, known: Known) -> list[Finding]:
    """Return all that is wrong with `preseed`, in the order of its lines."""
    found = [
        Finding(
            line=line,
            # The name at most: whatever follows it may be a password.
            question=" ".join(text.split()[:2]),
            message="expected OWNER QUESTION TYPE VALUE",
        )
        for line, text in preseed.not_understood()
    ]
    found += [
        Finding(
            line=line,
            question="(this line)",
            message="belongs to the value in the line before, which ends in a backslash",
            severity=Severity.WARNING,
        )
        for line in preseed.swallowed()
    ]
    for line, entry in preseed.numbered():
        found += _of_answer(line, entry, known)
    found += _repeated(preseed, known)
    return sorted(found, key=lambda finding: finding.line)


def answered(preseed: Preseed, known: Known) -> int:
    """Return the number of questions of ours that `preseed` answers."""
    return sum(name in known.questions for name in preseed.entries())
