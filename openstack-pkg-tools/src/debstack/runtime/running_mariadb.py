# SPDX-License-Identifier: Apache-2.0
"""Settings of the MariaDB that runs on this machine, asked and changed while it runs, as root."""

from __future__ import annotations

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
