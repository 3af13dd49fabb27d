# SPDX-License-Identifier: Apache-2.0
"""Every kind of database: SQLite, PostgreSQL, and a MariaDB on another machine behind TLS."""

from __future__ import annotations

import pytest

from cloudtest.acting import act, apt, debstack, inside, openstack
from cloudtest.observing import identity
from cloudtest.spread import SpreadCloud
from cloudtest.stages import METAPACKAGE, NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]


def connection(node: Node, source: str = "keystone") -> str:
    """The line of the drop-in that says where the database is."""
    text = node.read_file(f"/etc/{source}/{source}.conf.d/50-debstack.conf")
    (line,) = [line for line in text.splitlines() if line.startswith("connection = ")]
    return line


def test_without_a_server_sqlite(keystone_alone: Node) -> None:
    node = keystone_alone
    assert debstack(node, "status").code == 0
    assert "nothing to do" in debstack(node, "apply").stdout
    assert connection(node).startswith("connection = sqlite:")
    openstack(node, "token", "issue")
    found = identity(node)
    assert found.urls("identity")["public"] == f"https://{node.address}:5000/v3"
    listing = act(node, "find", "/var/lib/keystone", "-name", "*.sqlite*", "-printf", "%m %u\\n")
    assert listing.stdout, "the database is there"
    for line in listing.stdout.splitlines():
        mode, user = line.split()
        assert (int(mode, 8) & 0o007, user) == (0, "keystone")
    answered = act(node, "debconf-show", "debstack").stdout
    assert "* openstack/" not in answered, "nothing was asked"


def test_with_postgresql_installed(make_node: NodeMaker) -> None:
    node = make_node("one", stage="debian", packages=[METAPACKAGE, "postgresql"]).boot()
    apt(node, "install", "postgresql", "keystone")
    assert connection(node).startswith("connection = postgresql+psycopg2://")
    identity(node)
    query = (
        "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole FROM pg_roles"
        " WHERE rolname !~ '^pg_' AND rolname <> 'postgres'"
    )
    psql = ["runuser", "-u", "postgres", "--", "psql", "--no-align", "--tuples-only", "--command"]
    assert act(node, *psql, query).stdout.strip() == "keystone|f|f|f"
    encoding = "SELECT pg_encoding_to_char(encoding), datdba::regrole FROM pg_database"
    found = act(node, *psql, f"{encoding} WHERE datname = 'keystone'").stdout.strip()
    assert found == "UTF8|keystone"
    other = "SELECT has_database_privilege('keystone', 'postgres', 'CREATE')"
    assert act(node, *psql, other).stdout.strip() == "f"
    assert "nothing to do" in debstack(node, "apply").stdout


def test_a_mariadb_elsewhere_by_tls(spread: SpreadCloud) -> None:
    for node, source in ((spread.identity, "keystone"), (spread.image, "glance")):
        assert "@db" in connection(node, source)
        seen = inside(node, "mariadb_account", source)
        assert seen["cipher"], "the connection is encrypted"
        assert set(seen["databases"]) == {"information_schema", source}, "it sees nothing else"
        assert seen["user"] == f"{source}@%"
        assert len(seen["charsets"]) > 10, "the schema is there"
        assert set(seen["charsets"].values()) == {"utf8mb4"}
    answered = act(spread.identity, "debconf-show", "debstack").stdout
    assert "database-admin-password" in answered
    assert "a&b|c" not in answered, "taken from debconf's database"
