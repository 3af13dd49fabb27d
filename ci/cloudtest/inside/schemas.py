# SPDX-License-Identifier: Apache-2.0
"""Compares each finished schema that a package brings with what its migration makes here.

Prints, as JSON, the name of each to a list of the tables that differ: between the snapshot and a
migration on this server, between the snapshot and what loading it makes, and between the snapshot
and the database that is in use.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

from debstack.runtime.database import snapshot
from debstack.runtime.database.driver import closing, parse_login
from debstack.runtime.database.make_snapshot import make, own_database
from debstack.runtime.database.mariadb import MariadbSession
from debstack.runtime.database.snapshot import Snapshot, canonical
from debstack.runtime.database.url import MARIADB_SOCKET, service_url
from debstack.runtime.site import DatabaseServer, Engine
from debstack.runtime.steps import load

PACKAGES = Path("/usr/lib/python3/dist-packages")
SERVER = DatabaseServer(engine=Engine.MARIADB)
#: Commands with files of their own, and options that are not database.connection.
OPTIONS = {"nova_api": "api_database.connection", "placement": "placement_database.connection"}


def session(database: str) -> MariadbSession:
    url = service_url(SERVER, database=database, user="root", password="")
    return MariadbSession(SERVER, parse_login(url), "")


def differing(wanted: Snapshot, found: Snapshot) -> list[str]:
    """Return the names of the tables that are not the same in both, or not in both."""
    one = {table.name: table for table in wanted.tables}
    other = {table.name: table for table in found.tables}
    differ = {name for name in one.keys() | other.keys() if one.get(name) != other.get(name)}
    defaults = (wanted.charset, wanted.collation) != (found.charset, found.collation)
    return sorted(differ) + ["the database's defaults"] * defaults


def differing_in_use(wanted: Snapshot, database: str) -> list[str]:
    """Return the names of the tables that `database` has otherwise; its rows are its own."""
    one = {table.name: table.create for table in wanted.tables}
    with closing(session(database)) as live:
        other = {
            name: canonical(str(live.rows(f"SHOW CREATE TABLE {live.quoted(name)}")[0][1]))
            for name in live.tables()
            if name != load.TABLE  # debstack's own note of what it loaded
        }
    return sorted(name for name in one.keys() | other.keys() if one.get(name) != other.get(name))


found: dict[str, list[str]] = {}
for path in sorted(Path("/usr/share/debstack/components").glob("*.json")):
    manifest = json.loads(path.read_text(encoding="utf-8"))
    for key, schema in manifest["package"].get("schema", {}).items():
        if not schema.get("snapshot"):
            continue  # it brings none
        brought = snapshot.read(
            Path(f"/usr/share/debstack/schemas/{manifest['source']}-{schema['snapshot']}.json")
        )
        if brought is None:
            found[f"{key} brought"] = ["all"]
            continue
        found[f"{key} in use"] = differing_in_use(brought, key)
        if schema["snapshot"] != key:
            continue
        migrations = PACKAGES / schema["migrations"]
        constants = "\n".join(p.read_text(encoding="utf-8") for p in migrations.rglob("*.py"))
        option = OPTIONS.get(key, "database.connection")
        with tempfile.TemporaryDirectory() as home:
            made = make(MARIADB_SOCKET, option, migrations, schema["sync"], Path(home))
        found[f"{key} migrated"] = differing(brought, made)
        with own_database(MARIADB_SOCKET), closing(session("debstack_snapshot")) as empty:
            table = schema.get("version-table", "alembic_version")
            snapshot.load(brought, empty, "debstack_snapshot", table)
            found[f"{key} loaded"] = differing(brought, snapshot.dump(empty, constants))
print(json.dumps(found))
