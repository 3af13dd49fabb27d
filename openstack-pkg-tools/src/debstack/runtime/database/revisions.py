# SPDX-License-Identifier: Apache-2.0
"""The alembic revisions that a service's code knows, read without importing or running it."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from debstack.base.errors import DatabaseError

_READ = ("revision", "down_revision", "depends_on")


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How a database stands to the code: revisions still to come, and ones the code lacks."""

    missing: frozenset[str]
    unknown: frozenset[str]


def _identifiers(value: ast.expr, constants: Mapping[str, str], file: Path) -> tuple[str, ...]:
    if isinstance(value, ast.Constant) and value.value is None:
        return ()
    if isinstance(value, ast.Constant) and isinstance(value.value, str):
        return (value.value,)
    if isinstance(value, ast.Name) and value.id in constants:
        return (constants[value.id],)
    if isinstance(value, ast.Tuple | ast.List | ast.Set):
        return tuple(i for item in value.elts for i in _identifiers(item, constants, file))
    raise DatabaseError(
        f"{file}:{value.lineno}: expected a revision's name, found {ast.unparse(value)}"
    )


def parse_revision(text: str, file: Path) -> tuple[str, tuple[str, ...]] | None:
    """Return the revision that the Python source `text` defines and those it builds on.

    None where it defines no revision. Raises DatabaseError where it cannot be read.
    """
    try:
        body = ast.parse(text).body
    except SyntaxError as error:
        raise DatabaseError(f"{file}:{error.lineno}: not Python ({error.msg})") from error
    constants: dict[str, str] = {}
    found: dict[str, tuple[str, ...]] = {}
    for statement in body:
        name, value = _assignment(statement)
        if value is None:
            continue
        if name in _READ:
            found[name] = _identifiers(value, constants, file)
        elif isinstance(value, ast.Constant) and isinstance(value.value, str):
            constants[name] = value.value
    if len(found.get("revision", ())) != 1:
        return None
    return found["revision"][0], found.get("down_revision", ()) + found.get("depends_on", ())


def _assignment(statement: ast.stmt) -> tuple[str, ast.expr | None]:
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if isinstance(target, ast.Name):
            return target.id, statement.value
    if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
        return statement.target.id, statement.value
    return "", None


def read_revisions(directory: Path) -> dict[str, tuple[str, ...]]:
    """Return each revision below `directory`, with those that it builds on or depends on.

    Raises DatabaseError where there is none: the declared directory is then wrong.
    """
    revisions: dict[str, tuple[str, ...]] = {}
    for file in sorted(directory.rglob("*.py")):
        found = parse_revision(file.read_text(encoding="utf-8"), file)
        if found is not None:
            revisions[found[0]] = found[1]
    if not revisions:
        raise DatabaseError(
            f"{directory}: holds no schema revisions",
            hint="is the service's Python package installed? Try: dpkg --verify",
        )
    return revisions


def heads(revisions: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    """Return the revisions that no other one builds on."""
    below = {parent for parents in revisions.values() for parent in parents}
    return frozenset(revisions) - below


def standing(revisions: Mapping[str, tuple[str, ...]], current: Iterable[str]) -> Standing:
    """Return how a database with the `current` revisions stands to the code's `revisions`.

    alembic stores a revision only as long as nothing stored depends on it, so what counts is
    what the stored ones include.
    """
    unknown = frozenset(current) - frozenset(revisions)
    included: set[str] = set()
    ahead = [name for name in current if name in revisions]
    while ahead:
        name = ahead.pop()
        if name not in included:
            included.add(name)
            ahead.extend(parent for parent in revisions[name] if parent in revisions)
    return Standing(missing=frozenset(revisions) - included, unknown=unknown)
