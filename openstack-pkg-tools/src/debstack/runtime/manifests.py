# SPDX-License-Identifier: Apache-2.0
"""What the installed components declare: the manifests that their packages ship."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from debstack.base.errors import DebstackError, SpecError
from debstack.spec.load import load
from debstack.spec.references import references
from debstack.spec.vocabulary import SCHEMA, Manifest, Question, QuestionType

COMPONENTS = "/usr/share/debstack/components"
#: Copies of manifests whose package was removed but not purged.
REMOVED = "/var/lib/debstack/removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownQuestion:
    """A question that an installed package asks, by its full name."""

    name: str
    binary: str
    question: Question

    @property
    def secret(self) -> bool:
        """Whether the answer must never be shown."""
        return self.question.type is QuestionType.PASSWORD


def read_manifest(path: Path) -> Manifest:
    """Return the manifest in the file `path`. Raises SpecError."""
    hint = f"which package it is from: dpkg -S {path}; reinstall that package"
    try:
        source = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        failure = SpecError([f"{path}: cannot be read: {error}"])
        failure.hint = hint
        raise failure from error
    if isinstance(source, dict) and source.get("schema") != SCHEMA:
        raise SpecError(
            [f"{path}: schema: expected {SCHEMA}, found {source.get('schema')}: upgrade debstack"]
        )
    return load(Manifest, source, where=str(path))


def installed_manifest(root: Path, binary: str) -> Manifest:
    """Return the manifest of the installed package `binary`. Raises DebstackError."""
    path = root / COMPONENTS.lstrip("/") / f"{binary}.json"
    if not path.exists():
        raise DebstackError(
            f"{binary}: no package of that name is installed that debstack configures",
            hint=f"see which there are: ls {COMPONENTS}",
        )
    return read_manifest(path)


def read_manifests(root: Path, folder: str = COMPONENTS) -> tuple[Manifest, ...]:
    """Return the manifests of all installed packages, sorted by binary. Raises SpecError."""
    paths = sorted((root / folder.lstrip("/")).glob("*.json"))
    return tuple(read_manifest(path) for path in paths)


def known_questions(manifests: Iterable[Manifest]) -> dict[str, KnownQuestion]:
    """Return full name to question of everything that `manifests` ask."""
    found: dict[str, KnownQuestion] = {}
    for manifest in manifests:
        for key, question in manifest.package.question.items():
            name = f"{manifest.question_prefix}/{key}"
            found[name] = KnownQuestion(name=name, binary=manifest.binary, question=question)
    return found


def password_name(manifest: Manifest, kind: str, name: str) -> str:
    """Return the full name of an account's password; `kind` as in Manifest.password."""
    return manifest.password[f"{kind}:{name}"]


def implied_passwords(manifests: Iterable[Manifest]) -> dict[str, str]:
    """Return full name to owning binary of the passwords that can be generated."""
    return {name: manifest.binary for manifest in manifests for name in manifest.password.values()}


def messaging_passwords(manifests: Iterable[Manifest]) -> tuple[str, ...]:
    """Return the full names of the passwords with which `manifests` log in to the broker."""
    return _passwords_of("messaging", manifests)


def database_passwords(manifests: Iterable[Manifest]) -> tuple[str, ...]:
    """Return the full names of the passwords with which `manifests` log in to databases."""
    return _passwords_of("database", manifests)


def _passwords_of(kind: str, manifests: Iterable[Manifest]) -> tuple[str, ...]:
    tables = [manifest.password for manifest in manifests]
    found = {name for table in tables for key, name in table.items() if key.startswith(f"{kind}:")}
    return tuple(sorted(found))


def used_secrets(manifests: Iterable[Manifest]) -> frozenset[str]:
    """Return the full names of the passwords that configuration refers to as ${secret.NAME}."""
    tables = [
        table
        for manifest in manifests
        for config in manifest.package.config.values()
        for table in (config.set, *(conditional.set for conditional in config.when))
    ]
    values = [value for table in tables for keys in table.values() for value in keys.values()]
    found = [reference for value in values for reference in references(value)]
    return frozenset(r.removeprefix("secret.") for r in found if r.startswith("secret."))
