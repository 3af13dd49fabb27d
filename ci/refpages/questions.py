# SPDX-License-Identifier: Apache-2.0
"""The reference page of all questions, from every openstack.toml of the tree."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path

from debstack.spec.component import read_component
from debstack.spec.series_questions import asked_by
from debstack.spec.vocabulary import Check, Component, Question, QuestionType
from pipeline.tree import ROOT

PAGE = ROOT / "docs" / "reference" / "questions.md"
_HEAD = """\
# All questions

Made from the packages' declarations by `ci/invoke questions`; do not edit. Every question can be
preseeded: `debstack <question> <type> <answer>`, one a line, for `debconf-set-selections` or in
`/etc/debstack/site.preseed` (passwords in `/etc/debstack/secrets.preseed`). An empty answer means
the default. `debstack preseed check` tells what is wrong with such a file; files for the roles of a
machine, with all of this beside the lines, are in [preseed/](../../preseed).
"""


def _accepts(question: Question) -> str:
    if question.type is QuestionType.SELECT:
        return ", ".join(question.choices)
    if question.type is QuestionType.BOOLEAN:
        return "true, false"
    if question.check is Check.ANY:
        return "any text"
    return question.check.value.replace("-", " ")


def _default(question: Question) -> str:
    if question.type is QuestionType.PASSWORD:
        return "generated"
    return f"`{question.default}`" if question.default else "none: see the text"


def _entry(name: str, question: Question) -> Iterator[str]:
    yield f"### {name}"
    yield ""
    yield (
        f"{question.type.value}, priority {question.priority.value}; accepts {_accepts(question)};"
        f" default {_default(question)}."
    )
    yield ""
    yield f"*{question.summary.rstrip(':')}* {question.text.strip()}"
    yield ""


@cache
def components() -> tuple[Component, ...]:
    """Return every component of the tree: the toolkit's own first, then the others by name.

    They are read once in a process.
    """
    paths: list[Path] = sorted((ROOT / "packages").glob("*/debian/openstack.toml"))
    return tuple(read_component(path) for path in (ROOT / "debian" / "openstack.toml", *paths))


def page() -> str:
    """Return the reference page as Markdown."""
    lines = [_HEAD]
    for component in components():
        lines += [f"## {component.title}", ""]
        for name, asked in asked_by(component).items():
            lines += _entry(name, asked.question)
    return "\n".join(lines).rstrip() + "\n"
