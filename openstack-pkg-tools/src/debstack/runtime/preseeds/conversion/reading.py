# SPDX-License-Identifier: Apache-2.0
"""One line of a preseed file of theirs, and the rule that is for it. Pure."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass

from debstack.runtime.preseed import Entry
from debstack.runtime.preseeds.conversion.families import SOURCE_OF
from debstack.runtime.preseeds.conversion.outcome import Candidate, Kind, Note
from debstack.runtime.preseeds.conversion.rule import Rule
from debstack.spec.vocabulary import QuestionType

_SECRET_WORDS = ("pass", "secret")


def is_secret(entry: Entry) -> bool:
    """Say whether the value of `entry` may be a password, whatever type is given."""
    named = any(word in entry.name for word in _SECRET_WORDS)
    return named or entry.type == QuestionType.PASSWORD


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An answer of theirs, with its number and the answers under the same prefix, by key."""

    number: int
    entry: Entry
    near: Mapping[str, str]

    @property
    def source(self) -> str:
        """The source package that the question is about."""
        prefix = self.entry.name.partition("/")[0]
        return SOURCE_OF.get(prefix, prefix)

    def note(self, kind: Kind, message: str) -> Note:
        """Return a note about this line."""
        return Note(line=self.number, question=self.entry.name, kind=kind, message=message)

    def unused(self, why: str) -> Note:
        """Return the note that this line could not be used; with its value if that may be seen."""
        shown = "" if is_secret(self.entry) else f', found "{self.entry.value}"'
        return self.note(Kind.UNUSED, f"{why}{shown}")


def named_here(target: str, questions: Container[str]) -> str:
    """Return the name of the question `target` among `questions`.

    The password of an account has the user's name in it where the service has several users; the
    one that Debian's packages mean is called like the service.
    """
    prefix, _, key = target.partition("/")
    kind, dash, password = key.partition("-")
    longer = f"{prefix}/{kind}-{prefix}-{password}"
    if dash and target not in questions and longer in questions:
        return longer
    return target


def follow(rule: Rule, line: Line) -> Candidate | Note:
    """Return what `line` stands for by its `rule`: an answer of ours, or why there is none."""
    value, source = line.entry.value, line.source
    implied = [item.format(source=source) for item in rule.implied]
    if "*" in implied or value in implied:
        return line.note(Kind.NEEDLESS, rule.because.format(source=source))
    if not rule.target:
        return line.unused(rule.why.format(source=source))
    if not value:
        return line.note(Kind.NEEDLESS, "an empty answer means the default")
    if rule.only_these and value not in rule.values:
        return line.unused(rule.why)
    meant = rule.values.get(value, value)
    return Candidate(
        target=rule.target.format(source=source),
        value=rule.rewrite(meant, line.near) if rule.rewrite else meant,
        line=line.number,
        origin=line.entry.name,
        rank=rule.rank,
        needs=rule.needs,
    )
