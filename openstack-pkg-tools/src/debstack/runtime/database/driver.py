# SPDX-License-Identifier: Apache-2.0
"""What a kind of database server can do for the steps, and how a driver for one is found."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from debstack.base.errors import DatabaseError
from debstack.base.secret import Secret
from debstack.runtime.site import DatabaseAccount, DatabaseServer, Engine
from debstack.runtime.step import Change

#: The table that stands in a database while its first schema is made (see steps.schema).
MARKER = "debstack_first_sync"
#: What is to be done where an account is refused, by default.
REFUSED_HINT = "run: debstack apply"

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How a service logs in: the parts of its SQLAlchemy URL, decoded as SQLAlchemy does."""

    host: str
    port: int
    user: str
    password: Secret
    database: str
    options: tuple[tuple[str, str], ...] = ()

    def option(self, name: str) -> str:
        """Return the last value of the option `name` in the URL's query, or an empty string."""
        return dict(self.options).get(name, "")


def parse_login(url: str) -> Login:
    """Return the Login that an SQLAlchemy URL stands for."""
    parts = urlsplit(url)
    return Login(
        host=parts.hostname or "",
        port=parts.port or 0,
        user=unquote(parts.username or ""),
        password=Secret(unquote(parts.password or "")),
        database=unquote(parts.path.removeprefix("/")),
        options=tuple(parse_qsl(parts.query)),
    )


def secret_forms(url: str, password: str) -> list[str]:
    """Return every form of a URL and its password that a traceback of its service may hold."""
    encoded = url.partition("://")[2].partition("@")[0].partition(":")[2]
    return [url, password, encoded, encoded.replace("%", "%%"), unquote(encoded)]


class Session(ABC):
    """One connection to one database, with the rights (and the login) of its service."""

    @abstractmethod
    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """Run `statement`, each %s bound to a value, and return its rows. Raises DatabaseError."""

    @abstractmethod
    def server(self) -> tuple[Engine | None, tuple[int, ...]]:
        """Return what the server is, and its version; None for a relative of what is known."""

    @abstractmethod
    def tables(self) -> frozenset[str]:
        """Return the names of the tables there are."""

    @abstractmethod
    def empty(self) -> None:
        """Drop what a migration makes; not the MARKER, which tells the next run if this is cut."""

    @abstractmethod
    def try_lock(self) -> bool:
        """Take the lock of whoever migrates this schema; False if another has it."""

    @abstractmethod
    def unlock(self) -> None:
        """Give that lock back."""

    @abstractmethod
    def close(self) -> None:
        """End the connection."""

    @abstractmethod
    def quoted(self, name: str) -> str:
        """Return `name` as an identifier of this engine."""


class Driver(ABC):
    """The administrator's side of one database server. Methods may be called from any thread."""

    engine: Engine

    @abstractmethod
    def changes(
        self, account: DatabaseAccount, accounts: Sequence[DatabaseAccount]
    ) -> list[Change]:
        """Return what has to change for `account` to have its database, login and rights.

        `accounts` holds every account that debstack manages: rights on a database of theirs that
        the account's user does not own are taken away; rights on others are left, with a warning.
        """

    @abstractmethod
    def declared(self, account: DatabaseAccount) -> list[str]:
        """Return the summaries of all changes that an empty server would need."""

    @abstractmethod
    def open(
        self, account: DatabaseAccount, hint: str = REFUSED_HINT
    ) -> AbstractContextManager[Session]:
        """Connect to the account's database just as its service does. Raises DatabaseError.

        `hint` tells what to do where the account is refused.
        """

    @abstractmethod
    def removals(self, account: DatabaseAccount) -> list[Change]:
        """Return the changes that drop the database and its user, those that there are."""

    @abstractmethod
    def close(self) -> None:
        """End the administrator's connection, if there is one."""


@contextmanager
def closing(session: Session) -> Iterator[Session]:
    """Yield `session`, and close it whatever happens."""
    try:
        yield session
    finally:
        session.close()


@functools.cache
def driver_for(server: DatabaseServer, root: Path) -> Driver:
    """Return the one driver of `server`, whose connection all steps of a run share."""
    if server.others_administer:
        from debstack.runtime.database.others import UsingDriver

        return UsingDriver(_administering(server, root), server.host)
    return _administering(server, root)


def _administering(server: DatabaseServer, root: Path) -> Driver:
    # Each engine's client library is needed only where that engine is in use.
    match server.engine:
        case Engine.MARIADB:
            from debstack.runtime.database.mariadb import MariadbDriver

            return MariadbDriver(server, root)
        case Engine.POSTGRESQL:
            try:
                from debstack.runtime.database.postgresql import PostgresqlDriver
            except ModuleNotFoundError as error:
                raise DatabaseError(
                    f"openstack/database: PostgreSQL cannot be used, {error.name} is missing",
                    hint="run: apt-get install python3-psycopg2",
                ) from error

            return PostgresqlDriver(server)
        case Engine.SQLITE:
            from debstack.runtime.database.sqlite import SqliteDriver

            return SqliteDriver(root)
    raise DatabaseError(f"openstack/database: no driver for {server.engine}")
