# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import pwd
import sqlite3
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from unit.runtime.making import applied, context

from debstack.base.errors import CommandError, ConfigurationError, DatabaseError
from debstack.base.run import Result
from debstack.base.secret import Secret
from debstack.runtime.database import locking
from debstack.runtime.database.driver import MARKER, Row, secret_forms
from debstack.runtime.database.snapshot import Snapshot, Table, to_json
from debstack.runtime.database.sqlite import SqliteDriver, SqliteSession
from debstack.runtime.site import DatabaseAccount, Engine
from debstack.runtime.steps import schema
from debstack.runtime.steps.schema import SchemaStep, as_migrator
from debstack.spec.vocabulary import Manifest, Package, Schema

MIGRATIONS = "svc/versions"
ACCOUNT = DatabaseAccount(
    key="db",
    source="svc",
    binary="svc",
    database="db",
    user="db",
    password=Secret("p@w"),
    url=Secret("sqlite:////var/lib/svc/db.sqlite"),
    system_user=pwd.getpwuid(os.geteuid()).pw_name,
    path="/var/lib/svc/db.sqlite",
)
MANIFEST = Manifest(
    schema=1,
    source="svc",
    binary="svc",
    title="Svc",
    user="",
    question_prefix="svc",
    package=Package(),
)
Sync = Callable[[sqlite3.Connection], None]


class Machine:
    """A database file, a folder of revisions, and a command that migrates."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.ran: list[Sequence[str]] = []
        self.sync: Sync = lambda connection: self.stamp(connection, "b")
        folder = root / "usr/lib/python3/dist-packages" / MIGRATIONS
        folder.mkdir(parents=True)
        (folder / "a.py").write_text("revision = 'a'\ndown_revision = None\n")
        (folder / "b.py").write_text("revision = 'b'\ndown_revision = 'a'\n")
        self.driver = SqliteDriver(root)
        self.driver.changes(ACCOUNT, [])[0].perform()
        monkeypatch.setattr(schema, "run", self._run)
        declared = Schema(sync=("svc-manage", "db_sync"), migrations=MIGRATIONS, snapshot="db")
        self.step = SchemaStep(context(root), self.driver, ACCOUNT, declared, MANIFEST)

    def connection(self) -> sqlite3.Connection:
        return sqlite3.connect(self.root / "var/lib/svc/db.sqlite", isolation_level=None)

    @staticmethod
    def stamp(connection: sqlite3.Connection, revision: str) -> None:
        connection.execute("CREATE TABLE IF NOT EXISTS alembic_version (version_num TEXT)")
        connection.execute("DELETE FROM alembic_version")
        connection.execute("INSERT INTO alembic_version VALUES (?)", [revision])

    def _run(self, argv: Sequence[str], **_options: object) -> Result:
        self.ran.append(argv)
        self.sync(self.connection())
        return Result(code=0, stdout="", stderr="")

    def tables(self) -> set[str]:
        found = self.connection().execute("SELECT name FROM sqlite_master")
        return {name for (name,) in found}

    def brings(self, revision: str, server: tuple[int, ...] = (11, 8)) -> None:
        """Let the package bring a finished schema at `revision`, made with `server`."""
        version = Table(
            name="alembic_version",
            create="CREATE TABLE alembic_version (version_num TEXT)",
            columns=("version_num",),
            rows=((revision,),),
        )
        users = Table(
            name="users",
            create="CREATE TABLE users (id TEXT, made TEXT, name TEXT)",
            columns=("id", "made", "name"),
            rows=(({"uuid": 0, "dashes": False}, {"now": True}, "first"),),
        )
        brought = Snapshot(server=server, charset="c", collation="d", tables=(version, users))
        path = self.root / "usr/share/debstack/schemas/svc-db.json"
        path.parent.mkdir(parents=True)
        path.write_text(to_json(brought))

    def apply(self) -> list[str]:
        return applied(self.step)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_an_empty_database_is_migrated_once(machine: Machine) -> None:
    assert machine.apply() == ["bring the schema of db to b"]
    assert machine.apply() == []
    assert len(machine.ran) == 1
    assert machine.tables() == {"alembic_version"}


def test_a_kind_of_server_that_the_service_cannot_use_is_refused(machine: Machine) -> None:
    declared = Schema(sync=("svc-manage",), migrations=MIGRATIONS, engines=("postgresql",))
    step = SchemaStep(context(machine.root), machine.driver, ACCOUNT, declared, MANIFEST)
    with pytest.raises(DatabaseError, match=r"^database db: Svc cannot use mariadb, only postgres"):
        step.changes()
    assert machine.ran == []


@pytest.fixture
def mariadb(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """The machine, whose database takes itself for MariaDB as far as snapshots go."""
    rows = SqliteSession.rows

    def lenient(self: SqliteSession, statement: str, values: Sequence[object] = ()) -> list[Row]:
        if statement.startswith(("ALTER DATABASE", "SET SESSION")):
            return []
        return rows(self, statement, [str(value) for value in values])

    monkeypatch.setattr(SqliteSession, "rows", lenient)
    monkeypatch.setattr(SqliteSession, "server", lambda _: (Engine.MARIADB, (11, 8, 3)))
    return machine


def test_an_empty_database_gets_the_schema_that_the_package_brings(mariadb: Machine) -> None:
    mariadb.brings("b")
    assert mariadb.apply() == ["bring the schema of db to b"]
    assert mariadb.ran == []
    assert mariadb.tables() == {"alembic_version", "users"}
    ((made_up, made, name),) = mariadb.connection().execute("SELECT * FROM users")
    assert len(made_up) == 32
    assert made[:4].isdigit()
    assert name == "first"
    assert mariadb.apply() == []


def test_a_snapshot_that_was_cut_short_starts_anew(
    mariadb: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mariadb.brings("b")
    rows = SqliteSession.rows

    def killed(self: SqliteSession, statement: str, values: Sequence[object] = ()) -> list[Row]:
        if statement.startswith("CREATE TABLE users"):
            raise KeyboardInterrupt
        return rows(self, statement, values)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(SqliteSession, "rows", killed)
        mariadb.apply()
    assert mariadb.tables() == {MARKER}
    mariadb.apply()
    assert mariadb.tables() == {"alembic_version", "users"}


@pytest.mark.parametrize(
    ("revision", "server"), [("a", (11, 8)), ("z", (11, 8)), ("b", (12, 0))], ids=str
)
def test_a_snapshot_that_does_not_fit_is_left_alone(
    mariadb: Machine, revision: str, server: tuple[int, ...]
) -> None:
    mariadb.brings(revision, server)
    mariadb.apply()
    assert len(mariadb.ran) == 1
    assert mariadb.tables() == {"alembic_version"}


def test_what_the_server_refuses_is_migrated_instead(
    mariadb: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    mariadb.brings("b")
    rows = SqliteSession.rows

    def refuses(self: SqliteSession, statement: str, values: Sequence[object] = ()) -> list[Row]:
        if statement.startswith("CREATE TABLE users"):
            raise DatabaseError("refused")
        return rows(self, statement, values)

    monkeypatch.setattr(SqliteSession, "rows", refuses)
    mariadb.apply()
    assert len(mariadb.ran) == 1
    assert mariadb.tables() == {"alembic_version"}


def test_a_database_with_tables_is_migrated_whatever_the_package_brings(mariadb: Machine) -> None:
    mariadb.brings("b")
    mariadb.stamp(mariadb.connection(), "a")
    mariadb.apply()
    assert len(mariadb.ran) == 1


def test_no_other_engine_gets_a_snapshot(machine: Machine) -> None:
    machine.brings("b")
    machine.apply()
    assert len(machine.ran) == 1


def test_an_older_schema_is_migrated_and_kept(machine: Machine) -> None:
    connection = machine.connection()
    machine.stamp(connection, "a")
    connection.execute("CREATE TABLE users (name TEXT)")
    machine.apply()
    assert machine.tables() == {"alembic_version", "users"}


def test_a_first_migration_that_was_cut_short_starts_anew(machine: Machine) -> None:
    def killed(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (a TEXT)")
        raise CommandError(["svc-manage"], -9, [], reason="killed", hint=None)

    machine.sync = killed
    with pytest.raises(DatabaseError, match="killed"):
        machine.apply()
    assert machine.tables() == {MARKER, "half"}

    def whole(connection: sqlite3.Connection) -> None:
        connection.execute("CREATE TABLE half (a TEXT)")  # fails if it is still there
        machine.stamp(connection, "b")

    machine.sync = whole
    assert machine.apply() == ["bring the schema of db to b"]
    assert machine.tables() == {"half", "alembic_version"}


def test_a_kill_while_it_starts_anew_leaves_the_mark(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = machine.connection()
    for name in (MARKER, "alembic_version", "half", "zone"):
        connection.execute(f"CREATE TABLE {name} (version_num TEXT)")
    rows = SqliteSession.rows

    def killed(self: SqliteSession, statement: str, values: Sequence[object] = ()) -> list[Row]:
        if "DROP" in statement and "half" in statement:
            raise KeyboardInterrupt
        return rows(self, statement, values)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(SqliteSession, "rows", killed)
        machine.apply()
    assert machine.tables() == {MARKER, "half", "zone"}
    machine.apply()
    assert machine.tables() == {"alembic_version"}


def test_a_kill_after_the_first_migration_loses_nothing(machine: Machine) -> None:
    connection = machine.connection()
    machine.stamp(connection, "b")
    connection.execute(f"CREATE TABLE {MARKER} (a TEXT)")
    connection.execute("CREATE TABLE users (name TEXT)")
    assert machine.apply() == ["note that the schema of db is complete"]
    assert machine.tables() == {"alembic_version", "users"}
    assert machine.ran == []
    assert machine.apply() == []


def test_a_newer_schema_is_refused_and_left(machine: Machine) -> None:
    machine.stamp(machine.connection(), "z")
    with pytest.raises(DatabaseError, match=r"newer than the installed svc.*not know z"):
        machine.apply()
    assert machine.ran == []


def test_a_command_that_ends_well_too_early_is_told(machine: Machine) -> None:
    machine.sync = lambda connection: machine.stamp(connection, "a")
    with pytest.raises(DatabaseError, match="ended well, but these revisions are missing: b"):
        machine.apply()


def test_a_migration_by_another_is_waited_for(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = machine.step.changes()
    with machine.driver.open(ACCOUNT) as other:
        assert other.try_lock()

        def other_ends(_seconds: float) -> None:
            machine.stamp(machine.connection(), "b")
            other.unlock()

        monkeypatch.setattr(time, "sleep", other_ends)
        changes[0].perform()
    assert machine.ran == []


def test_a_lock_that_is_never_given_back_is_told(
    machine: Machine, monkeypatch: pytest.MonkeyPatch
) -> None:
    changes = machine.step.changes()
    monkeypatch.setattr(locking, "LOCK_TIMEOUT_S", -1.0)
    with machine.driver.open(ACCOUNT) as other:
        assert other.try_lock()
        with pytest.raises(DatabaseError, match="another machine has been changing"):
            changes[0].perform()


def test_the_migrator_ends_with_debstack_and_runs_as_its_user() -> None:
    argv = as_migrator(["svc-manage", "db_sync"], "root")
    assert argv == [
        *("setpriv", "--reuid=root", "--regid=0", "--init-groups", "--pdeathsig=KILL", "--"),
        *("svc-manage", "db_sync"),
    ]
    with pytest.raises(ConfigurationError, match="needs the system user no-such-user"):
        as_migrator(["svc-manage"], "no-such-user")


def test_every_form_of_the_password_is_masked() -> None:
    url = "mysql+pymysql://u:p%40w@localhost/d"
    assert {"p@w", "p%40w", "p%%40w", url} <= set(secret_forms(url, "p@w"))
