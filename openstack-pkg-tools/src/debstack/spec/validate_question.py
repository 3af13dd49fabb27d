# SPDX-License-Identifier: Apache-2.0
"""Problems of questions, and of the conditions that refer to them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from debstack.spec.checks import accepted, accepts
from debstack.spec.load import quoted, suggestion
from debstack.spec.problems import Problems
from debstack.spec.questions import PURGE_KEY, SHARED_PREFIX, passwords, prefix_of
from debstack.spec.vocabulary import (
    Check,
    Component,
    Condition,
    Question,
    QuestionType,
)

_KEY = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
#: What a line of a dialog holds.
_SUMMARY_LENGTH = 75


def _summary(problems: Problems, where: str, question: Question) -> None:
    summary = question.summary
    mark = "?" if question.type is QuestionType.BOOLEAN else ":"
    if "\n" in summary or not summary.endswith(mark) or len(summary) > _SUMMARY_LENGTH:
        problems.add(
            f"{where}.summary",
            f'expected one line of at most {_SUMMARY_LENGTH} characters that ends with "{mark}", '
            f"got {quoted(summary)}",
        )
    if not question.text.strip():
        problems.add(f"{where}.text", "expected what the question means and when to change it")


def _choices(problems: Problems, where: str, question: Question) -> None:
    if question.type is QuestionType.SELECT:
        if len(question.choices) < 2:
            problems.add(f"{where}.choices", "expected at least two choices")
        for n, choice in enumerate(question.choices):
            if not choice or choice != choice.strip() or "," in choice or "\n" in choice:
                problems.add(f"{where}.choices[{n}]", f"not a usable choice: {quoted(choice)}")
    elif question.choices:
        problems.add(f"{where}.choices", f"only a select has choices, not a {question.type}")


def _default(problems: Problems, where: str, question: Question) -> None:
    found = quoted(question.default)
    if question.type is QuestionType.PASSWORD:
        if question.default:
            problems.add(f"{where}.default", "a password has none: it is generated")
    elif not accepts(question, question.default):
        problems.add(f"{where}.default", f"expected {accepted(question)}, got {found}")
    if question.type is not QuestionType.PASSWORD:
        kind = question.type
        if question.generate:
            problems.add(f"{where}.generate", f"only a password is generated, not a {kind}")
        if question.made_by:
            problems.add(f"{where}.made-by", f"only a password is made by somebody, not a {kind}")
        if question.lasting:
            problems.add(f"{where}.lasting", f"only a password has to last, not a {kind}")
    if question.check is not Check.ANY and question.type is not QuestionType.STRING:
        problems.add(f"{where}.check", f"only a string is checked, not a {question.type}")
    if question.detect is not None and (
        question.type is not QuestionType.STRING or question.default
    ):
        problems.add(f"{where}.detect", "only a string without a default is detected")


def questions(problems: Problems, where: str, component: Component, binary: str) -> None:
    """Note what is wrong with the questions of `binary`."""
    implied = {password.key for password in passwords(component, binary)}
    if prefix_of(component) != SHARED_PREFIX:
        implied.add(PURGE_KEY)
    for key, question in component.package[binary].question.items():
        at = f"{where}.question.{key}"
        problems.name(at, key, _KEY, "a name in kebab-case")
        if key in implied:
            problems.add(at, "the declarations of this package imply a question of that name")
        _summary(problems, at, question)
        _choices(problems, at, question)
        _default(problems, at, question)


def condition(
    problems: Problems, where: str, conditional: Condition, known: Mapping[str, Question]
) -> None:
    """Note what is wrong with a condition on an answer; `known` holds full names."""
    name = conditional.question
    question = known.get(name)
    if question is None:
        problems.add(
            f"{where}.question", f"no question is declared as {name}{suggestion(name, list(known))}"
        )
    elif question.type is QuestionType.PASSWORD:
        problems.add(f"{where}.question", "a password cannot be a condition")
    elif not accepts(question, conditional.equals):
        problems.add(
            f"{where}.equals",
            f"{name} takes {accepted(question)}, got {quoted(conditional.equals)}",
        )
