# SPDX-License-Identifier: Apache-2.0
"""The roles of machines: metapackages, and what the packages that they bring ask."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache

from debstack.dh.series import PREFIX, binary_paragraphs, closure, relations
from debstack.spec.load import load
from debstack.spec.series_questions import SeriesQuestion, asked_by
from pipeline.tree import ROOT
from refpages.questions import components

_METAPACKAGES = ROOT / "metapackages" / "debian" / "control"
_TOOLKIT = "debstack"
_TEXTS = ROOT / "preseed" / "roles.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleText:
    """A table of preseed/roles.toml: what only a person can say of a role."""

    #: What it is and what is worth answering.
    text: str
    #: Question to the value that stands in the file, commented out.
    example: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role of a machine. `questions` is by title of the component, then by full name."""

    name: str
    text: RoleText
    packages: frozenset[str]
    questions: Mapping[str, Mapping[str, SeriesQuestion]]

    @property
    def metapackage(self) -> str:
        """The package that makes a machine one of this role."""
        return f"{PREFIX}{self.name}"


def _dependencies() -> dict[str, list[str]]:
    controls = [_METAPACKAGES, *sorted((ROOT / "packages").glob("*/debian/control"))]
    return relations(controls, "Depends")


def questions_of(packages: frozenset[str]) -> dict[str, dict[str, SeriesQuestion]]:
    """Return what `packages` and debstack ask: title of the component, then name to question."""
    asked = {
        component.title: asked_by(component, packages | {_TOOLKIT}) for component in components()
    }
    return {title: questions for title, questions in asked.items() if questions}


def _texts() -> dict[str, RoleText]:
    tables = tomllib.loads(_TEXTS.read_text(encoding="utf-8"))
    return {name: load(RoleText, table, where=str(_TEXTS)) for name, table in tables.items()}


@cache
def roles() -> tuple[Role, ...]:
    """Return the roles, by name: the metapackages that bring anything which debstack sets up."""
    texts = _texts()
    declared = {binary for component in components() for binary in component.package}
    depends = _dependencies()
    found = []
    for paragraph in binary_paragraphs(_METAPACKAGES):
        packages = closure(paragraph["Package"], depends)
        if not packages & declared:
            continue  # programs for people, such as clients
        name = paragraph["Package"].removeprefix(PREFIX)
        synopsis = paragraph["Description"].splitlines()[0]
        text = texts.get(name, RoleText(text=f"{synopsis}."))
        questions = questions_of(packages)
        found.append(Role(name=name, text=text, packages=packages, questions=questions))
    return tuple(sorted(found, key=lambda role: role.name))
