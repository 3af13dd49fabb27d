# SPDX-License-Identifier: Apache-2.0
"""PostgreSQL: through psql as the system user postgres locally, through psycopg2 otherwise."""

from __future__ import annotations

import logging
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial

import psycopg2
import psycopg2.extensions

from debstack.base.errors import DatabaseError, DatabaseUnavailable
from debstack.base.run import run
from debstack.runtime.database.driver import (
    MARKER,
    REFUSED_HINT,
    Driver,
    Login,
    Row,
    Session,
    closing,
    parse_login,
)
from debstack.runtime.database.quoting import identifier, postgresql_bound
from debstack.runtime.database.scram import verifier
from debstack.runtime.site import DatabaseAccount, DatabaseServer, Engine
from debstack.runtime.step import Change

log = logging.getLogger(__name__)

SYSTEM_USER = "postgres"
PORT = 5432
CONNECT_TIMEOUT_S = 10
# psql separates columns with it; it is in no name and no word that is asked for.
_COLUMN = "\x1f"
_ABSENT = (
    "Connection refused",
    "No such file or directory",
    "could not translate host name",
    "timeout expired",
    "No route to host",
    "starting up",
    "shutting down",
    "server closed the connection",
    "too many clients",
)
_TLS_FAILED = ("SSL error", "certificate verify failed", "root certificate", "support SSL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a server says about one account; empty strings for what is not there."""

    owner: str
    encoding: str
    #: Whether every role of the server may connect to the database.
    open_to_all: bool
    role: bool
    login: bool
    #: Attributes that reach beyond the own database.
    powers: tuple[str, ...] = ()
    #: Whether the administrator may act for every role anyway.
    superuser: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A statement with its values, and how to tell it."""

    summary: str
    statement: str
    values: tuple[str, ...] = ()


def plan(facts: Facts, database: str, user: str, kept: str) -> list[Action]:
    """Return the statements that lead from `facts` to a UTF8 database that `user` alone uses.

    `kept` is what the server keeps of the password (SCRAM), never the password.
    Raises DatabaseError for a database that exists with another encoding.
    """
    name, role = identifier(Engine.POSTGRESQL, database), identifier(Engine.POSTGRESQL, user)
    if facts.encoding not in ("", "UTF8"):
        raise DatabaseError(
            f"PostgreSQL database {database}: expected encoding UTF8, found {facts.encoding}",
            hint="move its data to a database made with ENCODING 'UTF8'",
        )
    of_database = _plan_database(facts, name, role, database, user)
    if of_database and not facts.superuser:
        # An administrator that only creates may act for a role once it is a member of it.
        summary = f"let the administrator act for database user {user}"
        of_database.insert(0, Action(summary=summary, statement=f"GRANT {role} TO CURRENT_USER"))
    return _plan_role(facts, role, user, kept) + of_database


def _plan_role(facts: Facts, role: str, user: str, kept: str) -> list[Action]:
    if facts.role and facts.login:
        return []
    verb, told = ("ALTER", "change the password of") if facts.role else ("CREATE", "create")
    statement = f"{verb} ROLE {role} LOGIN PASSWORD %s"
    return [Action(summary=f"{told} database user {user}", statement=statement, values=(kept,))]


def _plan_database(facts: Facts, name: str, role: str, database: str, user: str) -> list[Action]:
    actions: list[Action] = []
    if not facts.encoding:
        statement = (
            f"CREATE DATABASE {name} OWNER {role} TEMPLATE template0 ENCODING 'UTF8'"
            " LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'"
        )
        actions.append(Action(summary=f"create database {database}", statement=statement))
    elif facts.owner != user:
        summary = f"give database {database} to {user}"
        actions.append(Action(summary=summary, statement=f"ALTER DATABASE {name} OWNER TO {role}"))
    if facts.open_to_all or not facts.encoding:
        summary = f"close database {database} to other users"
        statement = f"REVOKE ALL ON DATABASE {name} FROM PUBLIC"
        actions.append(Action(summary=summary, statement=statement))
    return actions


def translated(
    error: psycopg2.Error, server: DatabaseServer, user: str, hint: str
) -> DatabaseError:
    """Return the error of ours that `error` of psycopg2 means; `hint` is for a refused login."""
    told = " ".join(str(error).split())
    return refusal(told, server, user, hint)


def refusal(told: str, server: DatabaseServer, user: str, hint: str) -> DatabaseError:
    """Return the error of ours that PostgreSQL means by `told`."""
    where = f"PostgreSQL at {server.host}:{server.port or PORT}" if server.host else "PostgreSQL"
    if any(sign in told for sign in _TLS_FAILED):
        return DatabaseError(
            f"{where}: no trusted TLS connection ({told})",
            hint="set openstack/database-ca to the authority that signed its certificate, "
            "then run: debstack apply",
        )
    if any(sign in told for sign in _ABSENT):
        local = "start it (systemctl start postgresql)"
        remote = "check openstack/database-host in /etc/debstack/site.preseed and that it runs"
        return DatabaseUnavailable(
            f"{where}: cannot be reached ({told})",
            hint=f"{remote if server.host else local}, then run: debstack apply",
        )
    if "no pg_hba.conf entry" in told:
        return DatabaseError(
            f"{where}: does not let {user} in from here ({told})",
            hint="add a line for it to the server's pg_hba.conf",
        )
    if "password authentication failed" in told:
        place = server.host or "localhost"
        return DatabaseError(f"cannot log in to PostgreSQL at {place} as {user}", hint=hint)
    return DatabaseError(f"{where}: refused what {user} asked ({told})")


def _tls(ca: str) -> dict[str, str]:
    return {"sslmode": "verify-full", "sslrootcert": ca} if ca else {}


def _connect(login: Login, database: str) -> psycopg2.extensions.connection:
    tls = {k: login.option(k) for k in ("sslmode", "sslrootcert") if login.option(k)}
    connection = psycopg2.connect(
        host=login.option("host") or login.host or None,
        port=login.port or PORT,
        user=login.user,
        password=str(login.password),
        dbname=database,
        connect_timeout=CONNECT_TIMEOUT_S,
        **tls,
    )
    connection.autocommit = True
    return connection


def _rows(
    connection: psycopg2.extensions.connection, statement: str, values: Sequence[object]
) -> list[Row]:
    with connection.cursor() as cursor:
        cursor.execute(statement, tuple(values) or None)
        return [] if cursor.description is None else list(cursor.fetchall())


class PostgresqlSession(Session):
    """A connection as the service makes it."""

    def __init__(self, server: DatabaseServer, login: Login, hint: str) -> None:
        self._server = server
        self._user = login.user
        try:
            self._connection = _connect(login, login.database)
        except psycopg2.Error as error:
            raise translated(error, server, login.user, hint) from error

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """See Session."""
        try:
            return _rows(self._connection, statement, values)
        except psycopg2.Error as error:
            raise translated(error, self._server, self._user, "") from error

    def server(self) -> tuple[Engine | None, tuple[int, ...]]:
        """See Session."""
        number = int(self.rows("SHOW server_version_num")[0][0])
        return Engine.POSTGRESQL, divmod(number, 10000)

    def tables(self) -> frozenset[str]:
        """See Session."""
        found = self.rows("SELECT tablename FROM pg_tables WHERE schemaname = current_schema()")
        return frozenset(str(row[0]) for row in found)

    def empty(self) -> None:
        """See Session."""
        for name in sorted(self.tables() - {MARKER}):
            self.rows(f"DROP TABLE IF EXISTS {self.quoted(name)} CASCADE")
        enums = self.rows(
            "SELECT typname FROM pg_type WHERE typtype = 'e'"
            " AND typnamespace = current_schema()::regnamespace"
        )
        for (name,) in enums:
            self.rows(f"DROP TYPE IF EXISTS {self.quoted(str(name))} CASCADE")

    def try_lock(self) -> bool:
        """See Session. PostgreSQL keeps these locks apart by database."""
        return self.rows("SELECT pg_try_advisory_lock(hashtext('debstack'))") == [(True,)]

    def unlock(self) -> None:
        """See Session."""
        self.rows("SELECT pg_advisory_unlock(hashtext('debstack'))")

    def close(self) -> None:
        """See Session."""
        with suppress(psycopg2.Error):  # it may be gone already
            self._connection.close()

    def quoted(self, name: str) -> str:
        """See Session."""
        return identifier(Engine.POSTGRESQL, name)


class PostgresqlDriver(Driver):
    """A PostgreSQL server. The administrator of a local one is the system user postgres."""

    engine = Engine.POSTGRESQL

    def __init__(self, server: DatabaseServer) -> None:
        self._server = server
        self._admin = server.admin_user or SYSTEM_USER
        self._lock = threading.RLock()
        self._connection: psycopg2.extensions.connection | None = None

    def _ask(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        with self._lock:
            return (self._ask_remote if self._server.host else self._ask_local)(statement, values)

    def _ask_local(self, statement: str, values: Sequence[object]) -> list[Row]:
        # Peer authentication looks at the process; psql takes the statement from its input.
        port = ["--port", str(self._server.port)] if self._server.port else []
        told = run(
            ["psql", "-XqAt", "-F", _COLUMN, "-v", "ON_ERROR_STOP=1", *port, "-d", "postgres"],
            input=postgresql_bound(statement, values) + ";\n",
            as_user=SYSTEM_USER,
            check=False,
        )
        if told.code:
            text = " ".join(told.stderr.split())
            raise refusal(text, self._server, SYSTEM_USER, "")
        return [tuple(line.split(_COLUMN)) for line in told.stdout.splitlines()]

    def _ask_remote(self, statement: str, values: Sequence[object]) -> list[Row]:
        try:
            if self._connection is None or self._connection.closed:
                self._connection = psycopg2.connect(
                    host=self._server.host,
                    port=self._server.port or PORT,
                    user=self._admin,
                    password=str(self._server.admin_password),
                    dbname="postgres",
                    connect_timeout=CONNECT_TIMEOUT_S,
                    **_tls(self._server.ca),
                )
                self._connection.autocommit = True
            found = _rows(self._connection, statement, values)
        except psycopg2.Error as error:
            hint = (
                "set openstack/database-admin-password in /etc/debstack/secrets.preseed, "
                "then run: debstack apply"
            )
            raise translated(error, self._server, self._admin, hint) from error
        return [tuple(str(column) for column in row) for row in found]

    def _do(self, statement: str, values: Sequence[object] = ()) -> None:
        self._ask(statement, values)

    def _facts(self, login: Login) -> Facts:
        # One question for all: locally each is a process.
        ((owner, encoding, is_open, role, powers, superuser),) = self._ask(
            "SELECT coalesce(max(pg_get_userbyid(d.datdba)), ''),"
            " coalesce(max(pg_encoding_to_char(d.encoding)), ''),"
            " coalesce(bool_or(has_database_privilege('public', d.datname, 'CONNECT')), false)"
            "::text,"
            " (SELECT count(*) FROM pg_roles WHERE rolname = %s)::text,"
            " coalesce((SELECT concat_ws(' ', CASE WHEN rolsuper THEN 'SUPERUSER' END,"
            " CASE WHEN rolcreatedb THEN 'CREATEDB' END,"
            " CASE WHEN rolcreaterole THEN 'CREATEROLE' END,"
            " CASE WHEN rolreplication THEN 'REPLICATION' END)"
            " FROM pg_roles WHERE rolname = %s), ''),"
            " (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)::text"
            " FROM pg_database d WHERE d.datname = %s",
            [login.user, login.user, login.database],
        )
        has_role = role == "1"
        return Facts(
            owner=owner,
            encoding=encoding,
            open_to_all=is_open == "true",
            role=has_role,
            login=has_role and self._logs_in(login, login.database if encoding else "postgres"),
            powers=tuple(powers.split()),
            superuser=superuser == "true",
        )

    def _logs_in(self, login: Login, database: str) -> bool:
        try:
            _connect(login, database).close()
        except psycopg2.Error as error:
            if "password authentication failed" in str(error) or "not permitted to log in" in str(
                error
            ):
                return False
            if "permission denied for database" in str(error):
                return True  # the password is right; the plan repairs the owner
            raise translated(error, self._server, login.user, "") from error
        return True

    def changes(
        self, account: DatabaseAccount, accounts: Sequence[DatabaseAccount]
    ) -> list[Change]:
        """See Driver."""
        login = parse_login(account.url)
        facts = self._facts(login)
        for power in facts.powers:
            log.warning("database user %s has more than its own database: %s", login.user, power)
        return [
            Change(summary=a.summary, perform=partial(self._do, a.statement, a.values))
            for a in plan(facts, login.database, login.user, verifier(login.password))
        ]

    def declared(self, account: DatabaseAccount) -> list[str]:
        """See Driver."""
        return [
            f"create database user {account.user}",
            f"create database {account.database}",
            f"close database {account.database} to other users",
        ]

    def open(
        self, account: DatabaseAccount, hint: str = REFUSED_HINT
    ) -> AbstractContextManager[Session]:
        """See Driver."""
        return closing(PostgresqlSession(self._server, parse_login(account.url), hint))

    def removals(self, account: DatabaseAccount) -> list[Change]:
        """See Driver."""
        name = identifier(Engine.POSTGRESQL, account.database)
        role = identifier(Engine.POSTGRESQL, account.user)
        removals: list[Change] = []
        if self._ask("SELECT 1 FROM pg_database WHERE datname = %s", [account.database]):
            drop = partial(self._do, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            removals.append(Change(summary=f"drop database {account.database}", perform=drop))
        if self._ask("SELECT 1 FROM pg_roles WHERE rolname = %s", [account.user]):
            drop = partial(self._do, f"DROP ROLE IF EXISTS {role}")
            removals.append(Change(summary=f"drop database user {account.user}", perform=drop))
        return removals

    def close(self) -> None:
        """See Driver."""
        with self._lock, suppress(psycopg2.Error):  # it may be gone already
            if self._connection is not None:
                self._connection.close()
            self._connection = None
