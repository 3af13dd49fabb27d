# SPDX-License-Identifier: Apache-2.0
"""The URL that a service finds its database at, as SQLAlchemy reads it."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from debstack.base.secret import Secret
from debstack.runtime.site import DatabaseServer, Engine

MARIADB_SOCKET = "/run/mysqld/mysqld.sock"
#: The services create their tables in "utf8", which MariaDB takes for a set without most of the
#: letters beyond the first 65,536 unless it is told not to.
_UTF8_IS_UTF8 = "SET SESSION old_mode = ''"
_PORTS = {Engine.MARIADB: 3306, Engine.POSTGRESQL: 5432}


def service_url(
    server: DatabaseServer,
    *,
    database: str,
    user: str,
    password: str,
    path: str = "",
    socket: str = MARIADB_SOCKET,
) -> Secret:
    """Return the SQLAlchemy URL of `database` on `server`; for SQLite, of the file `path`.

    A MariaDB without a host is found at `socket`.
    """
    match server.engine:
        case Engine.SQLITE:
            return Secret(f"sqlite:///{path}")
        case Engine.MARIADB:
            # PyMySQL sends a password as Latin-1: this makes those bytes the UTF-8 ones, which
            # every other client of MariaDB sends, and lets any character be used.
            secret = password.encode().decode("latin-1")
            options = {"charset": "utf8mb4", "init_command": _UTF8_IS_UTF8}
            if server.ca:
                options["ssl_ca"] = server.ca
            if not server.host:
                options["unix_socket"] = socket
            return _network_url("mysql+pymysql", server, database, user, secret, options)
        case Engine.POSTGRESQL:
            options = {"sslmode": "verify-full", "sslrootcert": server.ca} if server.ca else {}
            return _network_url("postgresql+psycopg2", server, database, user, password, options)


def _network_url(
    scheme: str,
    server: DatabaseServer,
    database: str,
    user: str,
    password: str,
    options: dict[str, str],
) -> Secret:
    if not server.host:
        # PostgreSQL's socket knows no passwords in Debian, its loopback port does.
        place = "localhost" if server.engine is Engine.MARIADB else "127.0.0.1"
        place += f":{server.port}" if server.port and server.engine is Engine.POSTGRESQL else ""
    else:
        host = f"[{server.host}]" if ":" in server.host else server.host
        place = f"{host}:{server.port or _PORTS[server.engine]}"
    query = f"?{urlencode(options, quote_via=quote, safe='/')}" if options else ""
    credentials = f"{quote(user, safe='')}:{quote(password, safe='')}"
    return Secret(f"{scheme}://{credentials}@{place}/{quote(database, safe='')}{query}")
