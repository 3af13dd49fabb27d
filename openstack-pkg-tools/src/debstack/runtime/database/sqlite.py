# SPDX-License-Identifier: Apache-2.0
"""SQLite: a file that belongs to the service, for a single service on a single machine."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from debstack.base.errors import DatabaseError
from debstack.runtime.accounts import ids_of
from debstack.runtime.database.driver import (
    MARKER,
    REFUSED_HINT,
    Driver,
    Row,
    Session,
    closing,
)
from debstack.runtime.database.quoting import identifier
from debstack.runtime.site import DatabaseAccount, Engine
from debstack.runtime.step import Change

MODE = 0o640
DIRECTORY_MODE = 0o750
BUSY_TIMEOUT_S = 10.0
_BESIDE = ("-journal", "-wal", "-shm")
#: Where the header of the file tells of the write-ahead log: two bytes, 2 if it is on.
_LOG_AT = 18


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What the file is: its owner, its mode, whether it has a write-ahead log; None: no file."""

    uid: int | None
    mode: int | None
    log: bool = False


def plan(facts: Facts, path: str, user: str, uid: int) -> list[str]:
    """Return what has to change for `path` to be the database file of `user`."""
    if facts.uid is None:
        return [f"create database {path}"]
    if not facts.log:
        return [f"turn on the write-ahead log of database {path}"]
    if facts.uid != uid or facts.mode != MODE:
        return [f"give database {path} to {user} (mode 0640)"]
    return []


def has_log(path: Path) -> bool:
    """Say whether the database in the file `path` has a write-ahead log."""
    with path.open("rb") as stream:
        return stream.read(_LOG_AT + 2)[_LOG_AT:] == b"\2\2"


def turn_on_log(path: Path) -> None:
    """Give the database in the file `path` a write-ahead log; raises sqlite3.Error.

    Without one a writer waits for all readers, and fails where one of them waits for the writer:
    Keystone reads, in one request, with a second connection.
    """
    connection = sqlite3.connect(path, timeout=BUSY_TIMEOUT_S)
    try:
        connection.execute("PRAGMA journal_mode = WAL").fetchall()
    finally:
        connection.close()


class SqliteSession(Session):
    """A connection to the file, and a lock on it that SQLite itself does not use."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock: int | None = None
        try:
            self._connection = sqlite3.connect(
                f"{path.as_uri()}?mode=rw", uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None
            )
        except sqlite3.Error as error:
            raise DatabaseError(f"{path}: cannot be opened ({error})") from error

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        """See Session."""
        try:
            return self._connection.execute(statement.replace("%s", "?"), tuple(values)).fetchall()
        except sqlite3.Error as error:
            raise DatabaseError(f"{self._path}: refused a statement ({error})") from error

    def server(self) -> tuple[Engine | None, tuple[int, ...]]:
        """See Session."""
        return Engine.SQLITE, sqlite3.sqlite_version_info

    def tables(self) -> frozenset[str]:
        """See Session."""
        found = self.rows("SELECT name FROM sqlite_master WHERE type = 'table'")
        return frozenset(str(row[0]) for row in found if not str(row[0]).startswith("sqlite_"))

    def empty(self) -> None:
        """See Session."""
        for name in sorted(self.tables() - {MARKER}):
            self.rows(f"DROP TABLE IF EXISTS {self.quoted(name)}")

    def try_lock(self) -> bool:
        """See Session."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._lock = descriptor
        return True

    def unlock(self) -> None:
        """See Session."""
        if self._lock is not None:
            os.close(self._lock)
        self._lock = None

    def close(self) -> None:
        """See Session."""
        self.unlock()
        self._connection.close()

    def quoted(self, name: str) -> str:
        """See Session."""
        return identifier(Engine.SQLITE, name)


class SqliteDriver(Driver):
    """The files below `root`; there is no server and no administrator."""

    engine = Engine.SQLITE

    def __init__(self, root: Path) -> None:
        self._root = root

    def _path(self, account: DatabaseAccount) -> Path:
        return self._root / account.path.lstrip("/")

    def changes(
        self, account: DatabaseAccount, accounts: Sequence[DatabaseAccount]
    ) -> list[Change]:
        """See Driver."""
        path = self._path(account)
        uid, _ = ids_of(account.system_user, path)
        try:
            found = path.stat()
            facts = Facts(uid=found.st_uid, mode=found.st_mode & 0o7777, log=has_log(path))
        except FileNotFoundError:
            facts = Facts(uid=None, mode=None)
        return [
            Change(summary=summary, perform=partial(self._make, account))
            for summary in plan(facts, account.path, account.system_user, uid)
        ]

    def _make(self, account: DatabaseAccount) -> None:
        path = self._path(account)
        uid, gid = ids_of(account.system_user, path)
        try:
            if not path.parent.is_dir():
                path.parent.mkdir(mode=DIRECTORY_MODE, parents=True)
                os.chown(path.parent, uid, gid)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, MODE)
            os.fchown(descriptor, uid, gid)
            os.fchmod(descriptor, MODE)
            os.close(descriptor)
            turn_on_log(path)
        except (OSError, sqlite3.Error) as error:
            raise DatabaseError(f"{path}: cannot be made ({error})") from error

    def declared(self, account: DatabaseAccount) -> list[str]:
        """See Driver."""
        return [f"create database {account.path}"]

    def open(
        self, account: DatabaseAccount, hint: str = REFUSED_HINT
    ) -> AbstractContextManager[Session]:
        """See Driver."""
        return closing(SqliteSession(self._path(account)))

    def removals(self, account: DatabaseAccount) -> list[Change]:
        """See Driver."""
        path = self._path(account)
        files = [path, *(path.with_name(path.name + suffix) for suffix in _BESIDE)]
        return [
            Change(summary=f"delete {file}", perform=partial(file.unlink, missing_ok=True))
            for file in files
            if file.exists()
        ]

    def close(self) -> None:
        """See Driver."""
