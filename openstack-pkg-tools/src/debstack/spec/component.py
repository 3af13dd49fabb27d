# SPDX-License-Identifier: Apache-2.0
"""Reading openstack.toml, and resolving it into what one binary package brings."""

from __future__ import annotations

import dataclasses
import json
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from debstack.base.errors import SpecError
from debstack.spec.load import dump, load, quoted
from debstack.spec.questions import all_questions, passwords, prefix_of
from debstack.spec.shared import shared_questions
from debstack.spec.validate import problems_of
from debstack.spec.vocabulary import SCHEMA, Component, Manifest

_TOML_PLACE = re.compile(r" \(at line (?P<line>\d+), column (?P<column>\d+)\)$")


def _parse(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise SpecError([f"{path}: no such file"]) from error
    except UnicodeDecodeError as error:
        raise SpecError([f"{path}: not UTF-8 text: {error}"]) from error
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        place = _TOML_PLACE.search(message)
        if place is None:
            raise SpecError([f"{path}: {message}"]) from error
        where = f"{path}:{place['line']}:{place['column']}"
        raise SpecError([f"{where}: {message[: place.start()]}"]) from error


def _check_schema(parsed: Mapping[str, Any], where: str) -> None:
    # Asked first: a file for another schema would drown this one reason in unknown keys.
    found = parsed.get("schema", SCHEMA)
    if isinstance(found, int) and found != SCHEMA:
        raise SpecError([f"{where}: schema: this debstack reads {SCHEMA}, got {quoted(found)}"])


def read_component(path: Path, *, binaries: frozenset[str] | None = None) -> Component:
    """Return the component that the openstack.toml at `path` declares.

    `binaries` are the names that debian/control knows; None where that is not to be checked.
    Raises SpecError with every problem found, each with its exact key path.
    """
    where = str(path)
    parsed = _parse(path)
    _check_schema(parsed, where)
    component = load(Component, parsed, where=where)
    shared = shared_questions() if component.source != "debstack" else {}
    problems = problems_of(component, shared=shared, binaries=binaries)
    if problems:
        raise SpecError([f"{where}: {problem}" for problem in problems])
    return component


def resolve(component: Component, binary: str) -> Manifest:
    """Return what the package `binary` of `component` brings, with all its questions."""
    prefix = prefix_of(component)
    package = dataclasses.replace(
        component.package[binary], question=all_questions(component, binary)
    )
    return Manifest(
        schema=component.schema,
        source=component.source,
        binary=binary,
        title=component.title,
        user=component.user,
        question_prefix=prefix,
        package=package,
        password={
            f"{password.kind}:{password.name}": f"{prefix}/{password.key}"
            for password in passwords(component, binary)
        },
    )


def manifest_json(manifest: Manifest) -> str:
    """Return `manifest` as the JSON text that is installed, in the order of the declaration."""
    return json.dumps(dump(manifest), indent=1, ensure_ascii=False) + "\n"


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in the JSON file at `path`. Raises SpecError."""
    try:
        return load(Manifest, json.loads(path.read_text(encoding="utf-8")), where=str(path))
    except json.JSONDecodeError as error:
        raise SpecError([f"{path}:{error.lineno}: {error.msg}"]) from error
