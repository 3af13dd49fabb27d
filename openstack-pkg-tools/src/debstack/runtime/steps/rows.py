# SPDX-License-Identifier: Apache-2.0
"""rows:<source>/<database>: rows that have to be in a service's tables before it starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from debstack.base.errors import ConfigurationError
from debstack.runtime.context import Context
from debstack.runtime.database.driver import Driver, Session, driver_for
from debstack.runtime.site import DatabaseAccount
from debstack.runtime.step import Change, Step
from debstack.runtime.substitution import verbatim
from debstack.spec.vocabulary import Manifest, Row, Scalar


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedRow:
    """A declared row with its references filled in."""

    table: str
    key: Mapping[str, Scalar]
    set: Mapping[str, Scalar]

    @property
    def name(self) -> str:
        """The row for people: table, and what it is known by."""
        return f"{self.table} {', '.join(str(value) for value in self.key.values())}"


def wanted_row(context: Context, manifest: Manifest, row: Row) -> WantedRow:
    """Return `row` with its references filled in. Raises ConfigurationError where one cannot be."""

    def value(column: str, found: Scalar) -> Scalar:
        if not isinstance(found, str):
            return int(found)
        text = verbatim(context.site, manifest, found)
        if text is None:
            raise ConfigurationError(
                f"{manifest.binary}: row of {row.table}: {column}: {found} stands for nothing here",
                hint="see what is missing with: debstack doctor",
            )
        return text

    return WantedRow(
        table=row.table,
        key={column: value(column, found) for column, found in row.key.items()},
        set={column: value(column, found) for column, found in row.set.items()},
    )


class RowsStep(Step):
    """The declared rows of one database."""

    def __init__(
        self,
        context: Context,
        driver: Driver,
        account: DatabaseAccount,
        rows: Sequence[tuple[Manifest, Row]],
    ) -> None:
        self.id = f"rows:{account.source}/{account.key}"
        self.needs = frozenset({f"schema:{account.source}/{account.key}"})
        self._driver = driver
        self._account = account
        self._rows = rows
        self._context = context

    def changes(self) -> Sequence[Change]:
        """See Step. Raises DatabaseError."""
        found: list[Change] = []
        with self._driver.open(self._account) as session:
            for manifest, declared in self._rows:
                row = wanted_row(self._context, manifest, declared)
                verb = _verb(session, row)
                if verb:
                    perform = partial(self._perform, row)
                    found.append(Change(summary=f"{verb} {row.name}", perform=perform))
        return found

    def _perform(self, row: WantedRow) -> None:
        with self._driver.open(self._account) as session:
            verb = _verb(session, row)
            if verb == "add":
                values = {**row.key, **row.set}
                columns = ", ".join(session.quoted(column) for column in values)
                marks = ", ".join("%s" for _ in values)
                session.rows(
                    f"INSERT INTO {session.quoted(row.table)} ({columns}) VALUES ({marks})",
                    list(values.values()),
                )
            elif verb:
                assigned = ", ".join(f"{session.quoted(column)} = %s" for column in row.set)
                table, where = session.quoted(row.table), _where(session, row)
                session.rows(
                    f"UPDATE {table} SET {assigned} WHERE {where}",
                    [*row.set.values(), *row.key.values()],
                )

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"add {row.table} {', '.join(map(str, row.key.values()))}" for _, row in self._rows]


def _where(session: Session, row: WantedRow) -> str:
    return " AND ".join(f"{session.quoted(column)} = %s" for column in row.key)


def _verb(session: Session, row: WantedRow) -> str:
    """Return what has to be done with `row`: add, change, or nothing."""
    columns = ", ".join(session.quoted(column) for column in row.set) or "1"
    found = session.rows(
        f"SELECT {columns} FROM {session.quoted(row.table)} WHERE {_where(session, row)}",
        list(row.key.values()),
    )
    if not found:
        return "add"
    wanted = [str(value) for value in row.set.values()]
    # A boolean comes back as a number from one engine and as itself from another.
    current = [str(int(v) if isinstance(v, bool) else v) for v in found[0]][: len(wanted)]
    return "" if current == wanted else "change"


def build(context: Context) -> list[Step]:
    """Return a step for each database that packages of this machine declare rows of."""
    rows: dict[tuple[str, str], list[tuple[Manifest, Row]]] = {}
    for manifest in context.manifests:
        for row in manifest.package.row:
            rows.setdefault((manifest.source, row.database), []).append((manifest, row))
    if not rows:
        return []
    driver = driver_for(context.site.database, context.root)
    return [
        RowsStep(context, driver, context.site.accounts[place], declared)
        for place, declared in rows.items()
    ]
