# SPDX-License-Identifier: Apache-2.0
"""The finished schema of a service, which its package brings, for a database that is empty.

It was made by a real migration when the package was built (make_snapshot): loading it takes a
tenth of the time. Its text is JSON: what MariaDB itself says of each table, and the rows that the
migration leaves in them.
"""

from __future__ import annotations

import json
import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from debstack.base.errors import DatabaseError
from debstack.runtime.database.driver import MARKER, Session
from debstack.runtime.database.revisions import standing
from debstack.runtime.site import Engine

#: Tells that a number came from a sequence of its own, which says nothing about the schema.
_SEQUENCE = re.compile(r" AUTO_INCREMENT=\d+")
_INDEX = re.compile(r"  (UNIQUE |FULLTEXT |SPATIAL )?KEY ")
_UUID = re.compile(r"[0-9a-f]{8}-?([0-9a-f]{4}-?){3}[0-9a-f]{12}")
#: How far a migration's clock may be from the clock of who dumps what it did.
_RECENT = timedelta(days=1)

Cell = int | float | str | None | dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table: the statement that makes it, and its rows, each value in the form of JSON.

    A value that the migration made up stands as {"uuid": number} or {"now": true}.
    """

    name: str
    create: str
    columns: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A schema: its tables, the version of the MariaDB that it is from, and that one's defaults."""

    server: tuple[int, ...]
    charset: str
    collation: str
    tables: tuple[Table, ...]

    def revisions(self, version_table: str) -> list[str]:
        """Return the revisions that it is at."""
        rows = [row for t in self.tables if t.name == version_table for row in t.rows]
        return [str(row[0]) for row in rows]


def canonical(create: str) -> str:
    """Return what SHOW CREATE TABLE says, the same for each run of a migration.

    SQLAlchemy keeps the indexes of a table in a set, so that their order differs from run to run.
    It has no meaning. The number that a sequence has come to is left out.
    """
    lines = _SEQUENCE.sub("", create).split("\n")
    numbers = [n for n, line in enumerate(lines) if _INDEX.match(line)]
    indexes = sorted(lines[n].removesuffix(",") for n in numbers)
    for n, index in zip(numbers, indexes, strict=True):
        lines[n] = index + ("," if lines[n].endswith(",") else "")
    return "\n".join(lines)


def _encoded(value: object, constants: str) -> Cell:
    """Return the form of `value`; a UUID keeps its own text until _numbered."""
    if value is None or isinstance(value, int | float):
        return value
    if isinstance(value, str):
        made_up = _UUID.fullmatch(value) and value not in constants
        return {"uuid": value, "dashes": "-" in value} if made_up else value
    if isinstance(value, bytes):
        return {"bytes": value.hex()}
    if isinstance(value, datetime):
        recent = abs(datetime.now(UTC).replace(tzinfo=None) - value) < _RECENT
        return {"now": True} if recent else {"time": value.isoformat()}
    raise DatabaseError(f"schema snapshot: no form for a value of type {type(value).__name__}")


def _without_uuids(row: tuple[Cell, ...]) -> str:
    """Return what `row` can be sorted by: the same for each run of the migration."""
    return json.dumps([{} if isinstance(c, dict) and "uuid" in c else c for c in row])


def _numbered(row: tuple[Cell, ...], seen: dict[str, int]) -> tuple[Cell, ...]:
    return tuple(
        {**c, "uuid": seen.setdefault(c["uuid"], len(seen))}
        if isinstance(c, dict) and "uuid" in c
        else c
        for c in row
    )


def _decoded(cell: Cell, now: datetime, made: dict[int, uuid.UUID]) -> object:
    if not isinstance(cell, dict):
        return cell
    if "uuid" in cell:
        value = made.setdefault(cell["uuid"], uuid.uuid4())
        return str(value) if cell["dashes"] else value.hex
    if "now" in cell:
        return now
    if "bytes" in cell:
        return bytes.fromhex(cell["bytes"])
    return datetime.fromisoformat(cell["time"])


def dump(session: Session, constants: str = "") -> Snapshot:
    """Return the schema in the database of `session`, which is MariaDB's.

    A UUID in a row is taken for one that the migration made up, and is another one in each
    database, unless it stands in `constants`, the text of the migration's sources. Raises
    DatabaseError where the database has what this cannot hold.
    """
    _, server = session.server()
    kinds = "SELECT TABLE_TYPE FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
    triggers = "SELECT 1 FROM information_schema.TRIGGERS WHERE TRIGGER_SCHEMA = DATABASE()"
    if {str(row[0]) for row in session.rows(kinds)} - {"BASE TABLE"} or session.rows(triggers):
        raise DatabaseError("schema snapshot: expected tables, found a view or a trigger too")
    ((charset, collation),) = session.rows(
        "SELECT DEFAULT_CHARACTER_SET_NAME, DEFAULT_COLLATION_NAME FROM"
        " information_schema.SCHEMATA WHERE SCHEMA_NAME = DATABASE()"
    )
    seen: dict[str, int] = {}
    tables = []
    for name in sorted(session.tables() - {MARKER}):
        quoted = session.quoted(name)
        create = canonical(str(session.rows(f"SHOW CREATE TABLE {quoted}")[0][1]))
        columns = tuple(str(row[0]) for row in session.rows(f"SHOW COLUMNS FROM {quoted}"))
        found = session.rows(f"SELECT * FROM {quoted}")
        encoded = [tuple(_encoded(value, constants) for value in row) for row in found]
        rows = tuple(_numbered(row, seen) for row in sorted(encoded, key=_without_uuids))
        tables.append(Table(name=name, create=create, columns=columns if rows else (), rows=rows))
    return Snapshot(
        server=server[:2], charset=str(charset), collation=str(collation), tables=tuple(tables)
    )


def to_json(snapshot: Snapshot) -> str:
    """Return the text of `snapshot`, the same for the same schema."""
    tables = [
        {"name": t.name, "create": t.create, "columns": t.columns, "rows": t.rows}
        for t in snapshot.tables
    ]
    content = {
        "server": snapshot.server,
        "charset": snapshot.charset,
        "collation": snapshot.collation,
        "tables": tables,
    }
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def from_json(text: str) -> Snapshot:
    """Return the Snapshot that `text` of to_json holds."""
    content = json.loads(text)
    tables = tuple(
        Table(
            name=table["name"],
            create=table["create"],
            columns=tuple(table["columns"]),
            rows=tuple(tuple(row) for row in table["rows"]),
        )
        for table in content["tables"]
    )
    return Snapshot(
        server=tuple(content["server"]),
        charset=content["charset"],
        collation=content["collation"],
        tables=tables,
    )


def read(path: Path) -> Snapshot | None:
    """Return the snapshot in the file `path`, or None where there is none."""
    try:
        return from_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def fits(
    snapshot: Snapshot,
    session: Session,
    revisions: Mapping[str, tuple[str, ...]],
    version_table: str,
) -> bool:
    """Say whether `snapshot` is what the code, with its `revisions`, would make in this database.

    That is so for MariaDB, of the version that it was made with or a newer one.
    """
    engine, version = session.server()
    if engine is not Engine.MARIADB or version[:2] < snapshot.server:
        return False
    found = standing(revisions, snapshot.revisions(version_table))
    return not found.missing and not found.unknown


def load(snapshot: Snapshot, session: Session, database: str, version_table: str) -> None:
    """Make the tables of `snapshot` in the empty `database` of `session`. Raises DatabaseError.

    The `version_table` comes last, so that a load that was cut short never looks complete.
    """
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    made: dict[int, uuid.UUID] = {}
    session.rows(
        f"ALTER DATABASE {session.quoted(database)} CHARACTER SET {snapshot.charset}"
        f" COLLATE {snapshot.collation}"
    )
    session.rows("SET SESSION foreign_key_checks = 0")
    try:
        for table in sorted(snapshot.tables, key=lambda table: table.name == version_table):
            session.rows(table.create)
            names = ", ".join(session.quoted(name) for name in table.columns)
            places = ", ".join(["%s"] * len(table.columns))
            insert = f"INSERT INTO {session.quoted(table.name)} ({names}) VALUES ({places})"
            for row in table.rows:
                session.rows(insert, [_decoded(cell, now, made) for cell in row])
    finally:
        session.rows("SET SESSION foreign_key_checks = 1")
