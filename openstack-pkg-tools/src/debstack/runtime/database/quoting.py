# SPDX-License-Identifier: Apache-2.0
"""How names and values enter SQL text: nowhere else is SQL put together from parts."""

from __future__ import annotations

from collections.abc import Sequence

from debstack.base.errors import DatabaseError
from debstack.runtime.site import Engine

_MARKS = {Engine.MARIADB: "`", Engine.POSTGRESQL: '"', Engine.SQLITE: '"'}


def identifier(engine: Engine, name: str) -> str:
    """Return `name` quoted as an identifier of `engine`.

    Raises DatabaseError for a name that no engine can hold (empty, or with a NUL in it).
    """
    if not name or "\0" in name:
        raise DatabaseError(f"{engine}: cannot be the name of a database or user, found {name!r}")
    mark = _MARKS[engine]
    return mark + name.replace(mark, mark * 2) + mark


def grant_pattern(name: str) -> str:
    """Return `name` as the database of a MariaDB GRANT, where % and _ would be wildcards."""
    escaped = name.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return identifier(Engine.MARIADB, escaped)


def postgresql_literal(value: object) -> str:
    """Return `value` as a PostgreSQL literal, for psql, which has no bound parameters."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    if "\0" in text:
        raise DatabaseError("postgresql: a value holds a NUL character, which it cannot keep")
    return "E'" + text.replace("\\", "\\\\").replace("'", "''") + "'"


def postgresql_bound(statement: str, values: Sequence[object]) -> str:
    """Return `statement` with each %s replaced by the literal of its value, in order."""
    parts = statement.split("%s")
    if len(parts) != len(values) + 1:
        raise ValueError(f"{len(parts) - 1} places for {len(values)} values: {statement}")
    literals = [postgresql_literal(value) for value in values]
    return "".join(p + q for p, q in zip(parts, [*literals, ""], strict=True))
