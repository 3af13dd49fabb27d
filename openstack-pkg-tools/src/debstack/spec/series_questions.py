# SPDX-License-Identifier: Apache-2.0
"""The questions of all packages of a series, in one file that needs none of them installed.

`python3 -m debstack.spec.series_questions FOLDER` prints it, from the openstack.toml files below.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from debstack.base.errors import SpecError
from debstack.base.main import OK, USAGE, run_main
from debstack.spec.component import read_component
from debstack.spec.load import dump, load
from debstack.spec.questions import (
    PURGE_KEY,
    SHARED_PREFIX,
    all_questions,
    has_data,
    prefix_of,
    purge_question,
)
from debstack.spec.vocabulary import SCHEMA, Component, Question

#: Where the package openstack-preseeds has the file.
INSTALLED = "/usr/share/debstack/questions.json"
_TOOLKIT = "debstack"


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuestion:
    """A question, and the first of the binary packages that ask it."""

    binary: str
    question: Question


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuestions:
    """The file: full name to question."""

    schema: int = SCHEMA
    question: dict[str, SeriesQuestion] = field(default_factory=dict)


def asked_by(
    component: Component, binaries: Collection[str] | None = None
) -> dict[str, SeriesQuestion]:
    """Return full name to question of all that the packages of `component` ask, purge included.

    `binaries` are the packages that count; all of them if None.
    """
    prefix = prefix_of(component)
    found: dict[str, SeriesQuestion] = {}
    for binary, package in component.package.items():
        if binaries is not None and binary not in binaries:
            continue
        asked = dict(all_questions(component, binary))
        if has_data(package) and prefix != SHARED_PREFIX:
            asked[PURGE_KEY] = purge_question()
        for key, question in asked.items():
            found.setdefault(f"{prefix}/{key}", SeriesQuestion(binary=binary, question=question))
    return found


def collect(components: Iterable[Component]) -> SeriesQuestions:
    """Return the questions of all `components`, in the order in which they are declared."""
    found: dict[str, SeriesQuestion] = {}
    for component in components:
        found |= asked_by(component)
    return SeriesQuestions(question=found)


def to_json(questions: SeriesQuestions) -> str:
    """Return the text of the file."""
    plain = {"schema": questions.schema, **dump(questions)}
    return json.dumps(plain, indent=1, ensure_ascii=False) + "\n"


def from_json(text: str, *, where: str) -> SeriesQuestions:
    """Return the questions in `text`, which is read from `where`. Raises SpecError."""
    try:
        plain = json.loads(text)
    except json.JSONDecodeError as error:
        raise SpecError([f"{where}:{error.lineno}: {error.msg}"]) from error
    if isinstance(plain, dict) and plain.get("schema") != SCHEMA:
        raise SpecError([f"{where}: schema: expected {SCHEMA}, found {plain.get('schema')}"])
    return load(SeriesQuestions, plain, where=where)


def read_components(folder: Path) -> list[Component]:
    """Return the components declared below `folder`: the toolkit's first, the others by path."""
    found = [read_component(path) for path in sorted(folder.rglob("openstack.toml"))]
    return sorted(found, key=lambda component: component.source != _TOOLKIT)


def main() -> int:
    """Print the questions of the components below the folder that is the only argument."""
    if len(sys.argv) != 2:
        print("usage: python3 -m debstack.spec.series_questions FOLDER", file=sys.stderr)
        return USAGE
    folder = Path(sys.argv[1])

    def write() -> int:
        components = read_components(folder)
        if not components:
            raise SpecError([f"{folder}: there is no openstack.toml below it"])
        sys.stdout.write(to_json(collect(components)))
        return OK

    return run_main("series-questions", write)


if __name__ == "__main__":
    sys.exit(main())
