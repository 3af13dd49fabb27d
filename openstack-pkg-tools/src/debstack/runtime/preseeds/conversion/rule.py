# SPDX-License-Identifier: Apache-2.0
"""What becomes of an answer to a question of Debian's own packages: one rule for each question."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

#: Makes our value of theirs; gets the other answers with the same prefix too, by key.
Rewrite = Callable[[str, Mapping[str, str]], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """What an answer means here. In texts, {source} stands for the source package's name."""

    #: The question of ours that takes it; empty where none does.
    target: str = ""
    #: Why an answer is not used; empty where every one is.
    why: str = ""
    #: Answers that need none of ours, since it is so anyway; and why.
    implied: tuple[str, ...] = ()
    because: str = ""
    #: Our name for values of theirs.
    values: Mapping[str, str] = field(default_factory=dict)
    #: Whether the values named above are all that can be used.
    only_these: bool = False
    rewrite: Rewrite | None = None
    #: Of several rules for one target, the lower one is asked first.
    rank: int = 1
    #: Another question of ours that must have an answer for this one to mean anything.
    needs: str = ""


def never(why: str) -> Rule:
    """Return the rule for a question whose answers are of no use here."""
    return Rule(why=why)


def always(because: str) -> Rule:
    """Return the rule for a question whose answers are not needed, whatever they are."""
    return Rule(implied=("*",), because=because)


def gate(because: str) -> Rule:
    """Return the rule for a question whether something is done, which is none here."""
    return Rule(implied=("true",), because=because, why=f"that is no question here: {because}")


def fixed(value: str, what: str) -> Rule:
    """Return the rule for a name that cannot be chosen here."""
    return Rule(
        implied=(value, ""), because=f"{what} is {value}", why=f"{what} is always {value} here"
    )
