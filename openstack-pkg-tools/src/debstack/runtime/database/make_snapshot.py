# SPDX-License-Identifier: Apache-2.0
r"""Prints the schema that a service's own migration makes, on a MariaDB of its own for that time.

    python3 -m debstack.runtime.database.make_snapshot --option database.connection \
        --migrations DIRECTORY -- keystone-manage db_sync

dh_openstack runs it when a package is built, as whoever builds it. The command finds its database
by the environment, which oslo.config reads before any file. With --socket the server that listens
there is used, in a database that is made for it and dropped afterwards.
"""

from __future__ import annotations

import argparse
import os
import pwd
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pymysql

from debstack.base.errors import DatabaseError
from debstack.base.main import run_main
from debstack.base.run import run
from debstack.runtime.database.driver import closing, parse_login
from debstack.runtime.database.mariadb import CHARSET, COLLATION, MariadbSession
from debstack.runtime.database.snapshot import Snapshot, dump, to_json
from debstack.runtime.database.url import service_url
from debstack.runtime.site import DatabaseServer, Engine

TOOL = "make_snapshot"
_DATABASE = "debstack_snapshot"
_START_TIMEOUT_S = 60.0
_POLL_S = 0.1
_SYNC_TIMEOUT_S = 1800.0
_SERVER = "/usr/sbin/mariadbd"
#: Nothing is worth keeping: no flush, no log, no network, and no accounts: without them it starts
#: in an empty directory.
_FAST = (
    "--skip-grant-tables",
    "--skip-networking",
    "--skip-log-bin",
    "--innodb-buffer-pool-size=64M",
    "--innodb-flush-log-at-trx-commit=0",
    "--innodb-fast-shutdown=2",
)
_HINT = "the Build-Depends must hold mariadb-server-core and python3-pymysql"


@contextmanager
def own_server(directory: Path) -> Iterator[str]:
    """Run a MariaDB below `directory` and yield its socket; it is gone afterwards."""
    data, socket, pid = directory / "data", directory / "socket", directory / "pid"
    data.mkdir()
    control = ["start-stop-daemon", f"--pidfile={pid}", f"--exec={_SERVER}"]
    server = ["--no-defaults", f"--datadir={data}", f"--socket={socket}", f"--pid-file={pid}"]
    server += [f"--log-error={directory / 'log.err'}", *_FAST]
    # It refuses to run as root unless told so by name.
    server.append(f"--user={pwd.getpwuid(os.geteuid()).pw_name}")
    run([*control, "--start", "--background", "--", *server], hint=_HINT)
    try:
        yield str(socket)
    finally:
        run([*control, "--stop", "--retry=TERM/60/KILL/10"], timeout_s=90)


@contextmanager
def own_database(socket: str) -> Iterator[None]:
    """Make the empty database _DATABASE on the server at `socket`; it is gone afterwards."""
    begun = time.monotonic()
    while True:
        try:
            connection = pymysql.connect(unix_socket=socket, user="root", charset=CHARSET)
            break
        except pymysql.MySQLError as error:
            if time.monotonic() - begun > _START_TIMEOUT_S:
                raise DatabaseError(f"MariaDB at {socket}: does not start ({error})") from error
            time.sleep(_POLL_S)
    with connection, connection.cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {_DATABASE}")
        cursor.execute(f"CREATE DATABASE {_DATABASE} CHARACTER SET {CHARSET} COLLATE {COLLATION}")
        yield
        cursor.execute(f"DROP DATABASE {_DATABASE}")


def environment(option: str, url: str, home: Path) -> dict[str, str]:
    """Return the environment in which a command finds `url` as its option `group.name`."""
    group, _, name = option.partition(".")
    passed = {name: os.environ[name] for name in ("PYTHONPATH",) if name in os.environ}
    return {
        **passed,
        "HOME": str(home),
        "PYTHONDONTWRITEBYTECODE": "1",
        f"OS_{group.upper()}__{name.upper()}": url,
    }


def make(
    socket: str, option: str, migrations: Path, command: Sequence[str], home: Path
) -> Snapshot:
    """Return the schema that `command` makes in an empty database of the server at `socket`."""
    server = DatabaseServer(engine=Engine.MARIADB)
    url = service_url(server, database=_DATABASE, user="root", password="", socket=socket)
    sources = sorted(migrations.rglob("*.py"))
    constants = "\n".join(path.read_text(encoding="utf-8") for path in sources)
    with own_database(socket):
        run(command, env=environment(option, url, home), timeout_s=_SYNC_TIMEOUT_S)
        with closing(MariadbSession(server, parse_login(url), "")) as session:
            return dump(session, constants)


def main() -> int:
    """Run the program; return its exit code."""
    parser = argparse.ArgumentParser(prog=TOOL, allow_abbrev=False)
    parser.add_argument("--option", required=True, help="what names the database: group.name")
    parser.add_argument("--migrations", required=True, type=Path, help="the directory of them")
    parser.add_argument("--socket", default="", help="of a server that runs")
    parser.add_argument("command", nargs="+", help="what migrates")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="debstack-") as directory:
        home = Path(directory)
        rest = (chosen.option, chosen.migrations, chosen.command, home)
        if chosen.socket:
            made = make(chosen.socket, *rest)
        else:
            with own_server(home) as socket:
                made = make(socket, *rest)
    sys.stdout.write(to_json(made))
    return 0


if __name__ == "__main__":
    sys.exit(run_main(TOOL, main))
