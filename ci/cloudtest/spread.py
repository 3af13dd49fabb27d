# SPDX-License-Identifier: Apache-2.0
"""A cloud spread over machines: a MariaDB that insists on TLS, a Keystone, a Glance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cloudtest.acting import act, apt, preseed
from cloudtest.several import hand_over
from testbed.node import Node

ADMIN = "cloudadmin"
ADMIN_PASSWORD = "a&b|c\\d\"e'f$g%h@i:j/k#l m=n;o`p"  # noqa: S105 - as nasty as one may choose
CA = "/etc/ssl/certs/test-ca.pem"

_CERTIFICATES = """
set -eu
cd /etc/mysql
openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=test-ca -keyout ca.key -out "$1" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
openssl req -newkey rsa:2048 -nodes -subj "/CN=$2" -keyout server.key -out server.csr
printf 'subjectAltName=DNS:%s\\nauthorityKeyIdentifier=keyid\\n' "$2" >extensions
openssl x509 -req -in server.csr -CA "$1" -CAkey ca.key -CAcreateserial -days 30 \
    -extfile extensions -out server.pem
chown mysql server.key
"""
_SERVER = """\
[mariadbd]
bind-address = 0.0.0.0
ssl_cert = /etc/mysql/server.pem
ssl_key = /etc/mysql/server.key
require_secure_transport = ON
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadCloud:
    """The three booted nodes, and what apt printed."""

    database: Node
    identity: Node
    image: Node
    installed: dict[str, str]


def serve_database(node: Node) -> None:
    """Make the booted `node`, which has MariaDB, serve others by TLS alone, with an account for us.

    Its certificate is for the name of the node, from an authority of its own: CA.
    """
    act(node, "sh", "-c", _CERTIFICATES, "sh", CA, node.name)
    node.write_file("/etc/mysql/mariadb.conf.d/90-served.cnf", _SERVER)
    act(node, "systemctl", "restart", "mariadb")
    password = ADMIN_PASSWORD.replace("\\", "\\\\").replace("'", "''")
    statements = (
        f"CREATE USER {ADMIN}@'%' IDENTIFIED BY '{password}';"
        f"GRANT ALL ON *.* TO {ADMIN}@'%' WITH GRANT OPTION;"
    )
    node.run(["mariadb", "--skip-ssl"], input=statements)  # by its socket


def use_database(node: Node, server: Node) -> None:
    """Answer the questions of `node` about the database: the one that `server` serves."""
    node.write_file(CA, server.read_file(CA))
    preseed(
        node,
        {
            "openstack/database-host": server.name,
            "openstack/database-ca": CA,
            "openstack/database-admin-user": ADMIN,
        },
        {"openstack/database-admin-password": ADMIN_PASSWORD},
    )


def make_spread_cloud(make: Callable[[str, str], Node]) -> SpreadCloud:
    """Return the cloud; `make` makes a switched-off node of a name and a kind of groundwork."""
    database, identity, image = (
        make("db", "debian-servers"),
        make("identity", "debian"),
        make("image", "debian"),
    )
    database.enter_chroot(["systemctl", "mask", "rabbitmq-server", "memcached"])
    for node in (database, identity, image):
        node.boot()
    serve_database(database)
    installed = {}
    use_database(identity, database)
    installed["identity"] = apt(identity, "install", "keystone").stdout
    password = act(identity, "debstack", "secrets", "show", "openstack/admin-password").stdout
    use_database(image, database)
    preseed(image, {}, {"openstack/admin-password": password.rstrip("\n")})
    hand_over(identity, image)
    installed["image"] = apt(image, "install", "glance-api").stdout
    return SpreadCloud(database=database, identity=identity, image=image, installed=installed)
