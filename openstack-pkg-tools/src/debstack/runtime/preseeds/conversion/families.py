# SPDX-License-Identifier: Apache-2.0
"""The questions that Debian's packages of many services ask alike: database, broker, Keystone.

They stand under the prefix of the service or of one of its packages, as in glance/configure_db and
glance-common/mysql/app-pass. Names and defaults were read in openstack-pkg-tools 155 and in
dbconfig-common 2.1.0.
"""

from __future__ import annotations

from collections.abc import Mapping

from debstack.runtime.preseeds.conversion.own import OWN, public_protocol
from debstack.runtime.preseeds.conversion.rule import Rule, always, fixed, gate, never
from debstack.runtime.preseeds.conversion.values import (
    HERE,
    identity_at,
    identity_url,
    unbracketed,
)

_DATABASE_HERE = "the database server of this machine is used unasked"
_BROKER_HERE = "the RabbitMQ server of this machine is used unasked"
_CONFIRMED = "a password that is preseeded needs no second answer"
_ACCOUNTS = "debstack makes database, tables and user, and keeps them right"
_ERRORS = "there is no such dialogue here: what failed is told, and the next run goes on"
_ADMINISTRATION = "openstack/database-host"

DATABASE: Mapping[str, Rule] = {
    "configure_db": gate(_ACCOUNTS),
    "dbconfig-install": gate(_ACCOUNTS),
    "dbconfig-upgrade": gate(_ACCOUNTS),
    "dbconfig-reinstall": always(_ACCOUNTS),
    "dbconfig-remove": never("removing a package keeps its data; purging asks {source}/purge-data"),
    "purge": never("purging asks {source}/purge-data, which is about more than the database"),
    "upgrade-backup": never("make a backup of the database before an upgrade"),
    "database-type": Rule(
        target="openstack/database",
        values={"mysql": "mariadb", "pgsql": "postgresql", "sqlite3": "sqlite"},
        only_these=True,
        why="there is no such database server here",
    ),
    "remote/host": Rule(
        target="openstack/database-host",
        implied=(*HERE, "new host"),
        because=_DATABASE_HERE,
        rewrite=unbracketed,
    ),
    "remote/newhost": Rule(
        target="openstack/database-host",
        implied=HERE,
        because=_DATABASE_HERE,
        rewrite=unbracketed,
    ),
    "remote/port": Rule(target="openstack/database-port", needs=_ADMINISTRATION),
    "db/dbname": fixed("{source}", "the database's name"),
    "db/app-user": fixed("{source}", "the database user's name"),
    "db/basepath": never("SQLite's file is in the service's own directory"),
    "mysql/app-pass": Rule(target="{source}/database-password"),
    "pgsql/app-pass": Rule(target="{source}/database-password"),
    "mysql/admin-user": Rule(target="openstack/database-admin-user", needs=_ADMINISTRATION),
    "pgsql/admin-user": Rule(target="openstack/database-admin-user", needs=_ADMINISTRATION),
    "mysql/admin-pass": Rule(target="openstack/database-admin-password", needs=_ADMINISTRATION),
    "pgsql/admin-pass": Rule(target="openstack/database-admin-password", needs=_ADMINISTRATION),
    "mysql/method": always("a server here is reached by its socket, another one by TCP"),
    "pgsql/method": Rule(
        implied=("Unix socket", "unix socket", "TCP/IP", "tcp/ip"),
        because="a server here is reached by its socket, another one by TCP",
        why="for TLS to the database, name its CA certificate in openstack/database-ca",
    ),
    "mysql/authplugin": never("MariaDB's default is used"),
    "pgsql/authmethod-admin": never("a server here is administered as its own system user"),
    "pgsql/authmethod-user": never("services log in with passwords"),
    "pgsql/changeconf": never("no file of PostgreSQL is changed"),
    "pgsql/manualconf": always("no file of PostgreSQL is changed"),
    "pgsql/revertconf": always("no file of PostgreSQL is changed"),
    "pgsql/no-empty-passwords": always(_ERRORS),
    "pgsql/no-user-choose-other-method": always(_ERRORS),
    "app-password-confirm": always(_CONFIRMED),
    "password-confirm": always(_CONFIRMED),
    "passwords-do-not-match": always(_CONFIRMED),
    "install-error": always(_ERRORS),
    "upgrade-error": always(_ERRORS),
    "remove-error": always(_ERRORS),
    "missing-db-package-error": always(_ERRORS),
    "internal/reconfiguring": always("debconf's own note"),
    "internal/skip-preseed": always("debconf's own note"),
}

MESSAGING: Mapping[str, Rule] = {
    "configure_rabbit": gate("debstack makes users and virtual hosts"),
    "rabbit-host": Rule(target="openstack/messaging-host", implied=HERE, because=_BROKER_HERE),
    "rabbit-userid": fixed("{source}", "the service's RabbitMQ user"),
    "rabbit-password": Rule(
        target="{source}/messaging-password",
        implied=("guest",),
        because="everybody knows that password, so another one is made",
    ),
}

IDENTITY: Mapping[str, Rule] = {
    "configure_ksat": gate("the services log in to Keystone"),
    "ksat-public-url": Rule(target="openstack/identity-url", rewrite=identity_url),
    "ksat-region": Rule(target="openstack/region"),
    "ksat-create-service-user": gate("debstack makes the service's user where it is missing"),
    "ksat-admin-username": Rule(target="openstack/admin-user"),
    "ksat-admin-project-name": Rule(target="openstack/admin-project"),
    "ksat-admin-password": Rule(target="openstack/admin-password"),
    "ksat-service-username": fixed("{source}", "the service's Keystone user"),
    "ksat-service-project-name": fixed("service", "the project of the services"),
    "ksat-service-password": Rule(target="{source}/service-password"),
}

ENDPOINT: Mapping[str, Rule] = {
    "configure_api-endpoint": gate("debstack registers the endpoints"),
    "api-keystone-address": Rule(target="openstack/identity-url", rewrite=identity_at, rank=2),
    "api-keystone-proto": always("it is part of openstack/identity-url"),
    "api-keystone-admin-username": Rule(target="openstack/admin-user", rank=2),
    "api-keystone-admin-project-name": Rule(target="openstack/admin-project", rank=2),
    "api-keystone-admin-password": Rule(target="openstack/admin-password", rank=2),
    "api-endpoint-address": Rule(
        target="openstack/public-host",
        implied=HERE,
        because="the services listen at the management address",
        rewrite=unbracketed,
        rank=2,
    ),
    "api-endpoint-proto": public_protocol(2),
    "api-endpoint-region-name": Rule(target="openstack/region", rank=2),
}

FAMILIES: Mapping[str, Rule] = {**DATABASE, **MESSAGING, **IDENTITY, **ENDPOINT}

#: Source package to the prefixes that Debian's packages of it use.
SOURCES: Mapping[str, tuple[str, ...]] = {
    "keystone": ("keystone",),
    "glance": ("glance", "glance-common", "glance-api", "glance-registry"),
    "placement": ("placement", "placement-common", "placement-api"),
    "nova": ("nova", "nova-common", "nova-api", "novaapi", "nova-compute", "nova-consoleproxy"),
    "neutron": (
        "neutron",
        "neutron-common",
        "neutron-api",
        "neutron-server",
        "neutron-metadata",
        "neutron-metadata-agent",
        "neutron-openvswitch-agent",
    ),
    "cinder": ("cinder", "cinder-common", "cinder-api", "cinder-volume"),
    "heat": ("heat", "heat-common", "heat-api", "heat-api-cfn"),
    "horizon": ("horizon", "openstack-dashboard", "openstack-dashboard-apache"),
    **{
        source: (source, f"{source}-common", f"{source}-api")
        for source in (
            *("aodh", "barbican", "ceilometer", "cloudkitty", "designate", "gnocchi", "ironic"),
            *("magnum", "manila", "mistral", "octavia", "panko", "trove", "vitrage", "watcher"),
        )
    },
}
SOURCE_OF: Mapping[str, str] = {
    prefix: source for source, prefixes in SOURCES.items() for prefix in prefixes
}


def rule_for(name: str) -> Rule | None:
    """Return the rule for the question `name` of Debian's packages; None if it is not one."""
    prefix, _, key = name.partition("/")
    if name in OWN:
        return OWN[name]
    return FAMILIES.get(key) if prefix in SOURCE_OF else None


def is_of_debian(name: str) -> bool:
    """Say whether Debian's own OpenStack packages ask `name`."""
    return rule_for(name) is not None
