# SPDX-License-Identifier: Apache-2.0
"""debconf templates in po-debconf's form, so that translations of them work."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from debstack.render.environment import render
from debstack.render.paths import asks_before_purge
from debstack.spec.checks import ACCEPTS
from debstack.spec.questions import (
    PURGE_KEY,
    SHARED_PREFIX,
    all_questions,
    prefix_of,
    purge_question,
)
from debstack.spec.vocabulary import Check, Component, Question, QuestionType

#: The check of questions that take one of several values.
CHOICE = "choice"

_INVALID_SUMMARY = {
    Check.ADDRESS: "Not an address: ${value}",
    Check.HOST: "Not a host: ${value}",
    Check.PORT: "Not a port: ${value}",
    Check.URL: "Not a URL: ${value}",
    Check.REGION: "Not the name of a region: ${value}",
    Check.PATH: "Not a path: ${value}",
    Check.NAME: "Not a name: ${value}",
    Check.HOST_PORTS: "Not a list of hosts: ${value}",
    Check.WEB_HOSTS: "Not a list of hosts: ${value}",
    Check.NAMES: "Not a list of names: ${value}",
    Check.DEVICES: "Not a list of devices: ${value}",
    Check.NUMBER: "Not a number: ${value}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Template:
    """One stanza of a templates file."""

    name: str
    type: str
    summary: str
    text: str
    default: str = ""
    choices: tuple[str, ...] = ()


def check_of(question: Question) -> str:
    """Return the name of the check that an answer to `question` must pass."""
    if question.type in (QuestionType.SELECT, QuestionType.BOOLEAN):
        return CHOICE
    return question.check.value


def _question(name: str, question: Question) -> Template:
    return Template(
        name=name,
        type=question.type.value,
        summary=question.summary,
        text=question.text,
        default=question.default,
        choices=question.choices,
    )


def invalid_name(prefix: str, check: str) -> str:
    """Return the name of the error that is shown for an answer that fails `check`."""
    return f"{prefix}/invalid-{check}"


def _invalid(prefix: str, check: str) -> Template:
    if check == CHOICE:
        summary = "Not one of the choices: ${value}"
        text = "Please choose one of the values that the list shows."
    else:
        summary = _INVALID_SUMMARY[Check(check)]
        text = f"Accepted is: {ACCEPTS[Check(check)]}."
    return Template(name=invalid_name(prefix, check), type="error", summary=summary, text=text)


def _needed(questions: Iterable[Question]) -> list[str]:
    return sorted({check_of(question) for question in questions} - {Check.ANY.value})


def templates(component: Component, binary: str) -> list[Template]:
    """Return the templates of `binary`: its questions, their errors, the question of purge."""
    prefix = prefix_of(component)
    asked = all_questions(component, binary)
    found = [_question(f"{prefix}/{key}", question) for key, question in asked.items()]
    found += [_invalid(prefix, check) for check in _needed(asked.values())]
    if asks_before_purge(component, binary) and prefix != SHARED_PREFIX:
        found.append(_question(f"{prefix}/{PURGE_KEY}", purge_question()))
    return found


def templates_file(component: Component, binary: str) -> str:
    """Return the text of debian/<binary>.templates; empty if it asks nothing."""
    found = templates(component, binary)
    return render("debconf.j2", found) if found else ""
