# SPDX-License-Identifier: Apache-2.0
"""Which answer counts where site.preseed and debconf differ: the later act wins. Pure.

`file` is what site.preseed says now, `taken` what both said when debstack last ran, `debconf` what
debconf says now. Whichever of the two differs from `taken` was changed since.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class DebconfAnswer:
    """What debconf holds for a question, and whether a person has seen it."""

    value: str
    seen: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The outcome for one question; None as `value` means the default, with no line of its own."""

    value: str | None
    #: Whether debconf has to be told, and what (None: back to the default).
    tell_debconf: bool = False
    warning: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The three sides of one question, with the template's default."""

    name: str
    default: str
    file: str | None
    taken: str | None
    #: None where debconf does not know the question or cannot be asked.
    debconf: DebconfAnswer | None


def _debconf_changed(sides: Sides) -> bool:
    if sides.debconf is None:
        return False
    if sides.taken is not None:
        return sides.debconf.value != sides.taken
    return sides.debconf.seen or sides.debconf.value != sides.default


def decide(sides: Sides, *, in_dpkg: bool) -> Decision:
    """Return which value counts.

    In a dpkg run the config script has loaded the file's value before it asked, so that a value of
    debconf's that differs is the later act. Outside one, an edit of the file is.
    """
    held = sides.debconf.value if sides.debconf is not None else None
    if sides.file is not None and sides.file == held:
        return Decision(value=sides.file)
    file_changed = sides.file != sides.taken
    if not _debconf_changed(sides) or held is None:
        return Decision(value=sides.file, tell_debconf=_to_tell(sides, held))
    if not file_changed or sides.file is None:
        return Decision(value=held)
    winner, loser = (held, sides.file) if in_dpkg else (sides.file, held)
    warning = (
        f'{sides.name}: debconf says "{held}", /etc/debstack/site.preseed says "{sides.file}":'
        f' took "{winner}", not "{loser}"'
    )
    return Decision(value=winner, tell_debconf=not in_dpkg, warning=warning)


def _to_tell(sides: Sides, held: str | None) -> bool:
    if held is None:
        return False
    return held != (sides.default if sides.file is None else sides.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """All decisions together."""

    #: Question to value; only what somebody answered.
    given: dict[str, str] = field(default_factory=dict)
    #: Question to the value that debconf has to be told; None resets it.
    tell: dict[str, str | None] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


def decide_all(questions: Mapping[str, Sides], *, in_dpkg: bool) -> Outcome:
    """Return the decisions for all `questions` (by name)."""
    outcome = Outcome()
    for name, sides in questions.items():
        decision = decide(sides, in_dpkg=in_dpkg)
        if decision.value is not None:
            outcome.given[name] = decision.value
        if decision.tell_debconf:
            outcome.tell[name] = decision.value
        if decision.warning:
            outcome.warnings.append(decision.warning)
    return outcome
