# SPDX-License-Identifier: Apache-2.0
"""Settings of the MariaDB that runs on this machine, asked and changed while it runs, as root."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from debstack.base.errors import DatabaseError
from debstack.runtime.database.url import MARIADB_SOCKET

_TIMEOUT_S = 10


def _ask(statement: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
    import pymysql

    try:
        connection = pymysql.connect(
            unix_socket=MARIADB_SOCKET, user="root", connect_timeout=_TIMEOUT_S
        )
        with connection, connection.cursor() as cursor:
            cursor.execute(statement, values)
            return list(cursor.fetchall())
    except (pymysql.MySQLError, OSError) as error:
        raise DatabaseError(
            f"MariaDB: {error}", hint="see: journalctl --unit mariadb; then run: debstack apply"
        ) from error


def addresses() -> str | None:
    """Return where the server listens, as bind_address has it; None where it cannot be asked."""
    try:
        rows = _ask("SELECT @@GLOBAL.bind_address")
    except DatabaseError:
        return None
    return str(rows[0][0] or "")


def certificate_ends(path: str) -> datetime | None:
    """Return when the certificate ends that the server shows; None where it is not that of `path`.

    The same for a server that cannot be asked.
    """
    try:
        if _ask("SELECT @@GLOBAL.ssl_cert") != [(path,)]:
            return None
        rows = _ask("SHOW GLOBAL STATUS LIKE 'Ssl_server_not_after'")
    except DatabaseError:
        return None
    told = str(rows[0][1]) if rows else ""
    if not told:
        return None
    return datetime.strptime(told, "%b %d %H:%M:%S %Y %Z").replace(tzinfo=UTC)


def reload_certificate() -> None:
    """Make the running server read its certificate again. Raises DatabaseError."""
    _ask("FLUSH SSL")


def max_connections() -> int | None:
    """Return how many connections the server takes; None where it cannot be asked."""
    try:
        rows = _ask("SELECT @@GLOBAL.max_connections")
    except DatabaseError:
        return None
    return int(rows[0][0])


def set_max_connections(number: int) -> None:
    """Make the running server take `number` connections. Raises DatabaseError."""
    _ask("SET GLOBAL max_connections = %s", (number,))


def isolates_snapshots() -> bool:
    """Say whether the server refuses to change what has changed since it was read.

    It does not where it cannot be asked, or is too old for it.
    """
    try:
        rows = _ask("SHOW GLOBAL VARIABLES LIKE 'innodb_snapshot_isolation'")
    except DatabaseError:
        return False
    return [value for _name, value in rows] == ["ON"]


def end_snapshot_isolation() -> None:
    """Make the running server allow it, in new connections. Raises DatabaseError."""
    _ask("SET GLOBAL innodb_snapshot_isolation = OFF")
