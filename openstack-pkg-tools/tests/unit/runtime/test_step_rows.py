# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import pwd
import sqlite3
from pathlib import Path

import pytest
from unit.runtime.making import context

from debstack.base.errors import ConfigurationError
from debstack.base.secret import Secret
from debstack.runtime.database.sqlite import SqliteDriver
from debstack.runtime.site import DatabaseAccount
from debstack.runtime.steps.rows import RowsStep
from debstack.spec.vocabulary import Manifest, Package, Row

MANIFEST = Manifest(
    schema=1,
    source="tiny",
    binary="tiny-common",
    title="Tiny",
    user="tiny",
    question_prefix="tiny",
    package=Package(),
)
CELL = Row(
    database="db",
    table="cells",
    key={"name": "cell1"},
    set={"host": "${management-address}", "disabled": False},
)


@pytest.fixture
def database(tmp_path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(tmp_path / "db.sqlite", isolation_level=None)
    connection.execute("CREATE TABLE cells (name TEXT, host TEXT, disabled BOOLEAN, other TEXT)")
    return connection


def step(root: Path, row: Row) -> RowsStep:
    account = DatabaseAccount(
        key="db",
        source="tiny",
        binary="tiny-common",
        database="db",
        user="db",
        password=Secret(""),
        url=Secret("sqlite:///db.sqlite"),
        system_user=pwd.getpwuid(os.getuid()).pw_name,
        path="/db.sqlite",
    )
    return RowsStep(context(root), SqliteDriver(root), account, [(MANIFEST, row)])


def apply(made: RowsStep) -> list[str]:
    changes = made.changes()
    for change in changes:
        change.perform()
    return [change.summary for change in changes]


def test_a_missing_row_is_added_once(tmp_path: Path, database: sqlite3.Connection) -> None:
    made = step(tmp_path, CELL)
    assert made.declared() == ["add cells cell1"]
    changes = made.changes()
    assert [change.summary for change in changes] == ["add cells cell1"]
    changes[0].perform()
    changes[0].perform()
    found = database.execute("SELECT name, host, disabled, other FROM cells").fetchall()
    assert found == [("cell1", "10.0.0.4", 0, None)]
    assert made.changes() == []


def test_a_row_that_differs_is_changed_and_others_are_left(
    tmp_path: Path, database: sqlite3.Connection
) -> None:
    database.execute("INSERT INTO cells VALUES ('cell1', 'old', 0, 'kept')")
    database.execute("INSERT INTO cells VALUES ('cell2', 'old', 0, 'x')")
    assert apply(step(tmp_path, CELL)) == ["change cells cell1"]
    found = database.execute("SELECT * FROM cells ORDER BY name").fetchall()
    assert found == [("cell1", "10.0.0.4", 0, "kept"), ("cell2", "old", 0, "x")]


def test_what_stands_for_nothing_here_is_told(tmp_path: Path, database: sqlite3.Connection) -> None:
    row = Row(database="db", table="cells", key={"name": "a"}, set={"host": "${messaging.none}"})
    with pytest.raises(ConfigurationError, match=r"cells: host: \$\{messaging.none\} stands for"):
        step(tmp_path, row).changes()
