# SPDX-License-Identifier: Apache-2.0
"""MariaDB, through PyMySQL: as root through the socket, or as an administrator over the network."""

from __future__ import annotations

import hashlib
import logging
import re
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pymysql

from debstack.base.errors import DatabaseError, DatabaseUnavailable
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
from debstack.runtime.database.quoting import grant_pattern, identifier
from debstack.runtime.database.url import MARIADB_SOCKET
from debstack.runtime.site import DatabaseAccount, DatabaseServer, Engine
from debstack.runtime.step import Change

log = logging.getLogger(__name__)

SOCKET = MARIADB_SOCKET
CHARSET = "utf8mb4"
# Known to every MariaDB in use; a server's own default differs between releases.
COLLATION = "utf8mb4_general_ci"
CONNECT_TIMEOUT_S = 10
# Codes of the client and the server for "there is nobody to talk to, now".
_ABSENT = frozenset({1040, 1053, 2002, 2003, 2006, 2013})
_REFUSED = frozenset({1045, 1698})
_TLS_FAILED = 2026
_VERSION = re.compile(r"\d+")
_GRANT = re.compile(r"GRANT (?P<rights>.+?) ON (?P<target>.+?) TO ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What a server says about one account. `grants` are pairs of rights and target."""

    charset: str
    tables: int
    user: bool
    login: bool
    grants: frozenset[tuple[str, str]]
    #: The host of an account of the same user that this one replaces; empty where there is none.
    replaced: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A statement with its values, and how to tell it."""

    summary: str
    statement: str
    values: tuple[str, ...] = ()


def password_hash(login: Login) -> str:
    """Return what mysql_native_password stores for the bytes that PyMySQL sends for this login.

    The server never sees the password itself, nor do its logs.
    """
    inner = hashlib.sha1(sent_password(login), usedforsecurity=False).digest()
    return "*" + hashlib.sha1(inner, usedforsecurity=False).hexdigest().upper()


def sent_password(login: Login) -> bytes:
    """Return the bytes that PyMySQL makes of the password in an SQLAlchemy URL: always Latin-1.

    Raises DatabaseError for a password that this cannot express.
    """
    try:
        return login.password.encode("latin-1")
    except UnicodeEncodeError as error:
        raise DatabaseError(
            f"the URL of database {login.database} holds a password that PyMySQL cannot send",
            hint="choose one of ASCII characters with: debstack secrets set",
        ) from error


def wanted_host(server: DatabaseServer, account: DatabaseAccount) -> str:
    """Return the host part of an account: this machine, or any where it comes from elsewhere."""
    return "%" if server.host or account.remote else "localhost"


def replaced_host(server: DatabaseServer, host: str) -> str:
    """Return the host part that the user may have had before `host`; empty where that is others'.

    Of both, MariaDB takes the one of localhost for whoever comes through the socket.
    """
    return "" if server.host else {"%": "localhost", "localhost": "%"}[host]


def plan(
    facts: Facts, login: Login, host: str, owned: frozenset[str], ours: frozenset[str]
) -> list[Action]:
    """Return the statements that lead from `facts` to a database and a user that owns just it.

    `owned` are the databases the user may use, `ours` all that debstack manages.
    """
    database, user = login.database, login.user
    quoted = identifier(Engine.MARIADB, database)
    charset = f"CHARACTER SET {CHARSET} COLLATE {COLLATION}"
    actions: list[Action] = []
    if not facts.charset:
        actions.append(
            Action(
                summary=f"create database {database}",
                statement=f"CREATE DATABASE IF NOT EXISTS {quoted} {charset}",
            )
        )
    elif facts.charset != CHARSET and not facts.tables:
        # With tables in it, it is left: keys between tables of two character sets are refused.
        actions.append(
            Action(
                summary=f"change the character set of database {database} to {CHARSET}",
                statement=f"ALTER DATABASE {quoted} {charset}",
            )
        )
    who = (user, host, password_hash(login))
    if not facts.user:
        actions.append(
            Action(
                summary=f"create database user {user}@{host}",
                statement="CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY PASSWORD %s",
                values=who,
            )
        )
    elif not facts.login:
        actions.append(
            Action(
                summary=f"change the password of database user {user}@{host}",
                statement="ALTER USER %s@%s IDENTIFIED BY PASSWORD %s",
                values=who,
            )
        )
    actions += _plan_grants(facts, login, host, owned, ours)
    if facts.replaced:
        # Connections that are open go on.
        actions.append(
            Action(
                summary=f"drop database user {user}@{facts.replaced}, whom {user}@{host} replaces",
                statement="DROP USER IF EXISTS %s@%s",
                values=(user, facts.replaced),
            )
        )
    return actions


def _plan_grants(
    facts: Facts, login: Login, host: str, owned: frozenset[str], ours: frozenset[str]
) -> list[Action]:
    targets = {f"{grant_pattern(name)}.*": name for name in owned}
    # With the account that this one replaces, the user would lose its other databases.
    others = sorted(owned - {login.database}) if facts.replaced else []
    actions = [
        Action(
            summary=f"grant database {name} to {login.user}@{host}",
            statement=f"GRANT ALL PRIVILEGES ON {_percent(target)} TO %s@%s",
            values=(login.user, host),
        )
        for name in [login.database, *others]
        if ("ALL PRIVILEGES", target := f"{grant_pattern(name)}.*") not in facts.grants
    ]
    foreign = {f"{grant_pattern(n)}.*" for n in ours} | {
        f"{identifier(Engine.MARIADB, n)}.*" for n in ours
    }
    for rights, target in sorted(facts.grants):
        if target in targets or (rights, target) == ("USAGE", "*.*"):
            continue
        if target not in foreign:
            log.warning(
                "database user %s@%s has more than its own database: %s on %s",
                *(login.user, host, rights, target),
            )
            continue
        actions.append(
            Action(
                summary=f"revoke {rights} on {target} from database user {login.user}@{host}",
                statement=f"REVOKE {rights} ON {_percent(target)} FROM %s@%s",
                values=(login.user, host),
            )
        )
    return actions


def _percent(target: str) -> str:
    """Return `target` for a statement with bound values, where a percent sign is doubled."""
    return target.replace("%", "%%")


def parse_grants(lines: Sequence[str]) -> frozenset[tuple[str, str]]:
    """Return the (rights, target) pairs in the lines that SHOW GRANTS gives."""
    found = (_GRANT.match(line) for line in lines)
    return frozenset((m["rights"], m["target"]) for m in found if m)


def translated(
    error: pymysql.MySQLError, server: DatabaseServer, user: str, hint: str
) -> DatabaseError:
    """Return the error of ours that `error` of PyMySQL means; `hint` is for a refused login."""
    code = error.args[0] if error.args else 0
    where = f"MariaDB at {server.host}:{server.port or 3306}" if server.host else "MariaDB"
    if "SSL" in _told(error) or code == _TLS_FAILED:
        return DatabaseError(
            f"{where}: no trusted TLS connection ({_told(error)})",
            hint="set openstack/database-ca to the authority that signed its certificate, "
            "then run: debstack apply",
        )
    if code in _ABSENT:
        local = f"start it (systemctl start mariadb; its socket is {SOCKET})"
        remote = "check openstack/database-host in /etc/debstack/site.preseed and that it runs"
        return DatabaseUnavailable(
            f"{where}: cannot be reached ({_told(error)})",
            hint=f"{remote if server.host else local}, then run: debstack apply",
        )
    if code in _REFUSED:
        place = server.host or "localhost"
        return DatabaseError(f"cannot log in to MariaDB at {place} as {user} ({code})", hint=hint)
    return DatabaseError(f"{where}: refused what {user} asked ({_told(error)})")


def _told(error: pymysql.MySQLError) -> str:
    return ": ".join(str(part) for part in error.args)


def _tls(ca: str) -> dict[str, Any]:
    return {"ssl": {"ca": ca}} if ca else {}


class MariadbSession(Session):
    """A connection as the service makes it."""

    def __init__(self, server: DatabaseServer, login: Login, hint: str) -> None:
        self._server = server
        self._login = login
        try:
            self._connection = _connect_as(login)
        except pymysql.MySQLError as error:
            raise translated(error, server, login.user, hint) from error
        # A migration may take hours, during which the lock's connection says nothing.
        self.rows("SET SESSION wait_timeout = 604800")

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """See Session."""
        try:
            with self._connection.cursor() as cursor:
                cursor.execute(statement, tuple(values) or None)
                return list(cursor.fetchall())
        except pymysql.MySQLError as error:
            raise translated(error, self._server, self._login.user, "") from error

    def server(self) -> tuple[Engine | None, tuple[int, ...]]:
        """See Session."""
        told = str(self.rows("SELECT VERSION()")[0][0])
        version = tuple(int(part) for part in _VERSION.findall(told)[:3])
        return Engine.MARIADB if "MariaDB" in told else None, version

    def tables(self) -> frozenset[str]:
        """See Session."""
        found = self.rows(
            "SELECT TABLE_NAME FROM information_schema.TABLES WHERE TABLE_SCHEMA = DATABASE()"
        )
        return frozenset(str(row[0]) for row in found)

    def empty(self) -> None:
        """See Session."""
        self.rows("SET SESSION foreign_key_checks = 0")
        for name in sorted(self.tables() - {MARKER}):
            self.rows(f"DROP TABLE IF EXISTS {self.quoted(name)}")
        self.rows("SET SESSION foreign_key_checks = 1")
        # A migration may have changed what tables get that do not say it themselves.
        database = self.quoted(self._login.database)
        self.rows(f"ALTER DATABASE {database} CHARACTER SET {CHARSET} COLLATE {COLLATION}")

    def _lock_name(self) -> str:
        return f"debstack.{self._login.database}"[:64]

    def try_lock(self) -> bool:
        """See Session."""
        return self.rows("SELECT GET_LOCK(%s, 0)", [self._lock_name()]) == [(1,)]

    def unlock(self) -> None:
        """See Session."""
        self.rows("SELECT RELEASE_LOCK(%s)", [self._lock_name()])

    def close(self) -> None:
        """See Session."""
        with suppress(pymysql.MySQLError):  # it may be gone already
            self._connection.close()

    def quoted(self, name: str) -> str:
        """See Session."""
        return identifier(Engine.MARIADB, name)


def _connect_as(login: Login, *, database: bool = True) -> pymysql.connections.Connection[Any]:
    socket = login.option("unix_socket")
    return pymysql.connect(
        host=login.host or "localhost",
        port=login.port or 3306,
        unix_socket=socket or None,
        user=login.user,
        password=sent_password(login),
        database=login.database if database else None,
        charset=CHARSET,
        connect_timeout=CONNECT_TIMEOUT_S,
        autocommit=True,
        **_tls(login.option("ssl_ca")),
    )


class MariadbDriver(Driver):
    """A MariaDB server, with one administrator's connection that is made when first needed."""

    engine = Engine.MARIADB

    def __init__(self, server: DatabaseServer, root: Path) -> None:
        self._server = server
        self._socket = root / SOCKET.lstrip("/")
        self._admin = server.admin_user or "root"
        self._lock = threading.RLock()
        self._connection: pymysql.connections.Connection[Any] | None = None

    def _connected(self) -> pymysql.connections.Connection[Any]:
        if self._connection is not None:
            self._connection.ping(reconnect=True)
            return self._connection
        where: dict[str, Any] = {"unix_socket": str(self._socket)}
        if self._server.host:
            where = {
                "host": self._server.host,
                "port": self._server.port or 3306,
                "password": self._server.admin_password.encode(),
                **_tls(self._server.ca),
            }
        self._connection = pymysql.connect(
            user=self._admin,
            charset=CHARSET,
            connect_timeout=CONNECT_TIMEOUT_S,
            autocommit=True,
            **where,
        )
        return self._connection

    def _ask(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        remote = (
            "set openstack/database-admin-password in /etc/debstack/secrets.preseed, "
            "then run: debstack apply"
        )
        local = "let the system's root log in through the socket, as Debian's MariaDB does"
        hint = remote if self._server.host else local
        with self._lock:
            try:
                with self._connected().cursor() as cursor:
                    cursor.execute(statement, tuple(values) or None)
                    return list(cursor.fetchall())
            except pymysql.MySQLError as error:
                raise translated(error, self._server, self._admin, hint) from error

    def _do(self, statement: str, values: Sequence[object] = ()) -> None:
        self._ask(statement, values)

    def _facts(self, login: Login, host: str) -> Facts:
        charset = self._ask(
            "SELECT DEFAULT_CHARACTER_SET_NAME FROM information_schema.SCHEMATA"
            " WHERE SCHEMA_NAME = %s",
            [login.database],
        )
        tables = self._ask(
            "SELECT COUNT(*) FROM information_schema.TABLES WHERE TABLE_SCHEMA = %s",
            [login.database],
        )
        user = self._has_user(login.user, host)
        grants = self._ask("SHOW GRANTS FOR %s@%s", [login.user, host]) if user else []
        other = replaced_host(self._server, host)
        replaced = other if other and self._has_user(login.user, other) else ""
        # As long as both are there, who logs in here is the one of localhost.
        logs_in = self._has_password if replaced == "localhost" else self._logs_in
        return Facts(
            charset=str(charset[0][0]) if charset else "",
            tables=int(tables[0][0]),
            user=user,
            login=user and logs_in(login),
            grants=parse_grants([str(row[0]) for row in grants]),
            replaced=replaced,
        )

    def _has_user(self, user: str, host: str) -> bool:
        found = self._ask("SELECT 1 FROM mysql.user WHERE User = %s AND Host = %s", [user, host])
        return bool(found)

    def _has_password(self, login: Login) -> bool:
        """Say whether the account for all machines has the password, without logging in."""
        kept = "SELECT 1 FROM mysql.user WHERE User = %s AND Host = '%%' AND plugin = %s"
        values = [login.user, "mysql_native_password", password_hash(login)]
        return bool(self._ask(f"{kept} AND authentication_string = %s", values))

    def _logs_in(self, login: Login) -> bool:
        try:
            _connect_as(login, database=False).close()
        except pymysql.MySQLError as error:
            if error.args and error.args[0] in _REFUSED:
                return False
            raise translated(error, self._server, login.user, "") from error
        return True

    def changes(
        self, account: DatabaseAccount, accounts: Sequence[DatabaseAccount]
    ) -> list[Change]:
        """See Driver."""
        login, host = parse_login(account.url), wanted_host(self._server, account)
        owned = frozenset(a.database for a in accounts if a.user == account.user)
        ours = frozenset(a.database for a in accounts)
        facts = self._facts(login, host)
        actions = plan(facts, login, host, owned | {account.database}, ours)
        return [
            Change(summary=a.summary, perform=partial(self._do, a.statement, a.values))
            for a in actions
        ]

    def declared(self, account: DatabaseAccount) -> list[str]:
        """See Driver."""
        host = wanted_host(self._server, account)
        return [
            f"create database {account.database}",
            f"create database user {account.user}@{host}",
            f"grant database {account.database} to {account.user}@{host}",
        ]

    def open(
        self, account: DatabaseAccount, hint: str = REFUSED_HINT
    ) -> AbstractContextManager[Session]:
        """See Driver."""
        return closing(MariadbSession(self._server, parse_login(account.url), hint))

    def removals(self, account: DatabaseAccount) -> list[Change]:
        """See Driver."""
        host = wanted_host(self._server, account)
        quoted = identifier(Engine.MARIADB, account.database)
        removals: list[Change] = []
        if self._ask(
            "SELECT 1 FROM information_schema.SCHEMATA WHERE SCHEMA_NAME = %s", [account.database]
        ):
            drop = partial(self._do, f"DROP DATABASE IF EXISTS {quoted}")
            removals.append(Change(summary=f"drop database {account.database}", perform=drop))
        for at in (host, replaced_host(self._server, host)):
            if at and self._has_user(account.user, at):
                drop = partial(self._do, "DROP USER IF EXISTS %s@%s", [account.user, at])
                told = f"drop database user {account.user}@{at}"
                removals.append(Change(summary=told, perform=drop))
        return removals

    def close(self) -> None:
        """See Driver."""
        with self._lock, suppress(pymysql.MySQLError):  # it may be gone already
            if self._connection is not None:
                self._connection.close()
            self._connection = None
