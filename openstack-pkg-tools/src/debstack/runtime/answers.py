# SPDX-License-Identifier: Apache-2.0
"""The answers in effect: what was given, checked against the questions, and else the defaults."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping

from debstack.base.errors import AnswerError, DebstackError
from debstack.runtime.manifests import KnownQuestion
from debstack.runtime.preseed import Preseed
from debstack.spec.checks import accepted, accepts

SITE_FILE = "/etc/debstack/site.preseed"
SECRETS_FILE = "/etc/debstack/secrets.preseed"
TAKEN_FILE = "/var/lib/debstack/taken.preseed"

SITE_HEADER = """\
# The answers of this machine, in the format of debconf-set-selections. Passwords are not here but
# in secrets.preseed. Edit a line, or use "debstack answers set", then run: debstack apply
"""
SECRETS_HEADER = """\
# The passwords of this machine, readable by root alone. What is missing is generated.
# Edit a line, or use "debstack secrets set", then run: debstack apply
"""
TAKEN_HEADER = """\
# Written by debstack: the answers as debconf and site.preseed last agreed on them. Do not edit.
"""


def check(known: KnownQuestion, value: str) -> None:
    """Raise AnswerError, naming what is accepted, if `value` is not an answer to `known`."""
    if value and not accepts(known.question, value):
        raise AnswerError(known.name, f'expected {accepted(known.question)}, found "{value}"')


def check_all(known: Mapping[str, KnownQuestion], values: Mapping[str, str]) -> None:
    """Check every value that answers a known question; raise one error that names all problems."""
    problems: list[AnswerError] = []
    for name, value in values.items():
        if name in known and not known[name].secret:
            try:
                check(known[name], value)
            except AnswerError as error:
                problems.append(error)
    if problems:
        raise DebstackError(
            "\n".join(problem.message for problem in problems),
            hint=f"correct it in {SITE_FILE}, then run: debstack apply",
        )


def warnings(preseed: Preseed, known: Iterable[str], where: str) -> list[str]:
    """Return a warning for each line of `preseed` that has no effect here, though it looks so.

    Answers of components that are not installed are left in peace: they wait for them.
    """
    names = sorted(known)
    prefixes = {name.partition("/")[0] for name in names}
    found = [
        f"{where}:{line}: not understood, and left as it is: {text.strip()}"
        for line, text in preseed.not_understood()
    ]
    for name in preseed.entries():
        ours = name.partition("/")[0] in prefixes
        close = difflib.get_close_matches(name, names, n=1, cutoff=0.6 if ours else 0.85)
        if name in names or not (ours or close):
            continue
        meant = f' (did you mean "{close[0]}"?)' if close else ""
        found.append(
            f"{where}:{preseed.line_of(name)}: {name}: no installed package asks this{meant}"
        )
    return found


def effective(known: Mapping[str, KnownQuestion], given: Mapping[str, str]) -> dict[str, str]:
    """Return the answer to every known question that is not a password: given, or the default."""
    return {
        name: given.get(name) or item.question.default
        for name, item in known.items()
        if not item.secret
    }
