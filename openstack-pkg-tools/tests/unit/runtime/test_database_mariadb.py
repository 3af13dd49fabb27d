# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import logging
from collections.abc import Sequence
from pathlib import Path

import pymysql
import pytest
from unit.runtime.making import inputs, manifests_of

from debstack.base.errors import DatabaseError, Retriable
from debstack.base.secret import Secret
from debstack.runtime.database.driver import Login, Row, parse_login
from debstack.runtime.database.mariadb import (
    Facts,
    MariadbDriver,
    parse_grants,
    password_hash,
    plan,
    replaced_host,
    translated,
    wanted_host,
)
from debstack.runtime.resolve import resolved_account
from debstack.runtime.site import DatabaseAccount, DatabaseServer, Engine

LOGIN = Login(host="localhost", port=0, user="nova", password=Secret("x"), database="nova_api")
OWN = ("ALL PRIVILEGES", r"`nova\_api`.*")
CELL0 = ("ALL PRIVILEGES", r"`nova\_cell0`.*")
FINE = Facts(
    charset="utf8mb4", tables=3, user=True, login=True, grants=frozenset({("USAGE", "*.*"), OWN})
)
LOCAL = DatabaseServer(engine=Engine.MARIADB)
REMOTE = DatabaseServer(engine=Engine.MARIADB, host="db1")


def planned_for(facts: Facts, host: str) -> list[str]:
    ours = frozenset({"nova_api", "glance"})
    actions = plan(facts, LOGIN, host, frozenset({"nova_api", "nova_cell0"}), ours)
    return [action.summary for action in actions]


def summaries(facts: Facts) -> list[str]:
    return planned_for(facts, "localhost")


def test_nothing_is_planned_where_all_is_as_wanted() -> None:
    assert summaries(FINE) == []


@pytest.mark.parametrize(
    ("differences", "planned"),
    [
        (
            {"charset": "", "user": False, "login": False, "grants": frozenset()},
            [
                "create database nova_api",
                "create database user nova@localhost",
                "grant database nova_api to nova@localhost",
            ],
        ),
        ({"login": False}, ["change the password of database user nova@localhost"]),
        (
            {"charset": "latin1", "tables": 0},
            ["change the character set of database nova_api to utf8mb4"],
        ),
        ({"charset": "utf8mb3", "tables": 40}, []),
        ({"grants": frozenset({("USAGE", "*.*")})}, ["grant database nova_api to nova@localhost"]),
        ({"grants": FINE.grants | {("SELECT", r"`nova\_cell0`.*")}}, []),
        (
            {"grants": FINE.grants | {("SELECT", "`glance`.*")}},
            ["revoke SELECT on `glance`.* from database user nova@localhost"],
        ),
        (
            {"grants": FINE.grants | {("ALL PRIVILEGES", "`nova_api`.*")}},
            ["revoke ALL PRIVILEGES on `nova_api`.* from database user nova@localhost"],
        ),
    ],
)
def test_differences_are_planned(differences: dict[str, object], planned: list[str]) -> None:
    assert summaries(dataclasses.replace(FINE, **differences)) == planned  # type: ignore[arg-type]


def test_what_somebody_else_granted_is_told_and_left(caplog: pytest.LogCaptureFixture) -> None:
    facts = dataclasses.replace(FINE, grants=FINE.grants | {("SELECT", "`billing`.*")})
    with caplog.at_level(logging.WARNING):
        assert summaries(facts) == []
    assert "SELECT on `billing`.*" in caplog.text


def test_no_statement_holds_a_value() -> None:
    facts = Facts(charset="", tables=0, user=False, login=False, grants=frozenset())
    for action in plan(facts, LOGIN, "localhost", frozenset({"nova_api"}), frozenset()):
        assert "nova@" not in action.statement
        assert "'x'" not in action.statement
        assert "x" not in action.values


def test_grants_are_read_from_what_the_server_shows() -> None:
    lines = [
        "GRANT USAGE ON *.* TO `nova`@`localhost` IDENTIFIED BY PASSWORD '*AB'",
        "GRANT ALL PRIVILEGES ON `nova\\_api`.* TO `nova`@`localhost`",
        "GRANT SELECT, INSERT ON `x`.`t` TO `nova`@`localhost` WITH GRANT OPTION",
    ]
    assert parse_grants(lines) == {("USAGE", "*.*"), OWN, ("SELECT, INSERT", "`x`.`t`")}


@pytest.mark.parametrize("server", [LOCAL, REMOTE])
@pytest.mark.parametrize("code", [2002, 2003, 2013])
def test_an_absent_server_may_come_back(server: DatabaseServer, code: int) -> None:
    told = translated(pymysql.OperationalError(code, "gone"), server, "root", "")
    assert isinstance(told, Retriable)
    assert "debstack apply" in (told.hint or "")


def test_a_refused_administrator_is_told_where_the_password_belongs() -> None:
    told = translated(pymysql.OperationalError(1045, "denied"), REMOTE, "root", "the hint")
    assert told.message == "cannot log in to MariaDB at db1 as root (1045)"
    assert told.hint == "the hint"
    assert not isinstance(told, Retriable)


def test_a_certificate_that_is_not_trusted_is_no_absence() -> None:
    told = translated(pymysql.OperationalError(2003, "[SSL: CERTIFICATE..."), REMOTE, "root", "")
    assert not isinstance(told, Retriable)
    assert "openstack/database-ca" in (told.hint or "")


def test_other_errors_are_told_as_they_are() -> None:
    told = translated(pymysql.OperationalError(1044, "no right"), LOCAL, "root", "")
    assert type(told) is DatabaseError
    assert "1044: no right" in told.message


def account(binary: str, key: str, shared: str = "") -> DatabaseAccount:
    installed = tuple(m for m in manifests_of("nova") if m.binary == binary)
    given = inputs(installed, {"openstack/databases-shared": shared})
    return resolved_account(given, LOCAL, installed[0], key)


def test_a_local_account_serves_this_machine_alone_unless_others_use_it() -> None:
    own = account("nova-database", "nova")
    assert (wanted_host(LOCAL, own), wanted_host(REMOTE, own)) == ("localhost", "%")
    assert wanted_host(LOCAL, account("nova-cell", "nova_cell")) == "%"
    # One user has the same account for all its databases.
    for name in ("nova_api", "nova", "nova_cell0"):
        assert wanted_host(LOCAL, account("nova-database", name, "cinder,nova")) == "%"
        assert wanted_host(LOCAL, account("nova-database", name, "cinder")) == "localhost"


def test_the_former_account_goes_once_the_new_one_may_do_as_much() -> None:
    grants = frozenset({("USAGE", "*.*")})
    new = dataclasses.replace(FINE, user=False, login=False, grants=grants, replaced="localhost")
    assert planned_for(new, "%") == [
        "create database user nova@%",
        "grant database nova_api to nova@%",
        "grant database nova_cell0 to nova@%",
        "drop database user nova@localhost, whom nova@% replaces",
    ]
    back = dataclasses.replace(FINE, grants=FINE.grants | {CELL0}, replaced="%")
    assert planned_for(back, "localhost") == [
        "drop database user nova@%, whom nova@localhost replaces"
    ]
    (drop,) = plan(back, LOGIN, "localhost", frozenset({"nova_api"}), frozenset())
    assert (drop.statement, drop.values) == ("DROP USER IF EXISTS %s@%s", ("nova", "%"))


def test_of_a_server_elsewhere_no_account_is_replaced() -> None:
    assert [replaced_host(LOCAL, host) for host in ("%", "localhost")] == ["localhost", "%"]
    assert replaced_host(REMOTE, "%") == ""


class Server(MariadbDriver):
    """A server that keeps in mind who may log in, and with what."""

    def __init__(self, server: DatabaseServer, **hosts: str) -> None:
        super().__init__(server, Path("/"))
        #: Host to what is kept of the password of the one user there is.
        self.hosts = hosts

    def _ask(self, statement: str, values: Sequence[object] = ()) -> list[Row]:
        told = statement % tuple(repr(value) for value in values)
        if "mysql.user" in told:
            asked = [h for h in self.hosts if f"'{h}'" in told]
            if "authentication_string" in told:
                asked = [h for h in asked if repr(self.hosts[h]) in told]
            return [(1,) for _ in asked]
        if "DROP USER" in told:
            del self.hosts[str(values[1])]
        return [("utf8mb4",)] if "SCHEMATA" in told else [(1,)] if "COUNT" in told else []

    def _logs_in(self, login: Login) -> bool:
        """Say what MariaDB says to whoever comes through its socket."""
        return self.hosts.get("localhost", self.hosts.get("%")) == password_hash(login)


@pytest.mark.parametrize("localhost", ["another", "the same"])
@pytest.mark.parametrize("everywhere", ["another", "the same"])
def test_of_two_accounts_the_password_of_the_wanted_one_is_looked_at(
    localhost: str, everywhere: str
) -> None:
    shared, own = (account("nova-cell", "nova_cell"), account("nova-database", "nova"))
    for wanted, there in ((shared, everywhere), (own, localhost)):
        right = password_hash(parse_login(wanted.url))
        kept = {"localhost": localhost, "%": everywhere}
        server = Server(LOCAL, **{h: right if t == "the same" else t for h, t in kept.items()})
        told = [change.summary for change in server.changes(wanted, [wanted])]
        host, other = ("%", "localhost") if wanted is shared else ("localhost", "%")
        changed = f"change the password of database user nova@{host}"
        assert (changed in told) == (there == "another")
        assert told[-1] == f"drop database user nova@{other}, whom nova@{host} replaces"


def test_with_a_database_go_all_accounts_of_its_user_here() -> None:
    server = Server(LOCAL, **{"localhost": "a", "%": "b"})
    for change in server.removals(account("nova-database", "nova")):
        change.perform()
    assert server.hosts == {}
    elsewhere = Server(REMOTE, **{"localhost": "a", "%": "b"})
    for change in elsewhere.removals(account("nova-database", "nova")):
        change.perform()
    assert elsewhere.hosts == {"localhost": "a"}
