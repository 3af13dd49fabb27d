# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import logging

import pymysql
import pytest
from unit.runtime.making import inputs, manifests_of

from debstack.base.errors import DatabaseError, Retriable
from debstack.base.secret import Secret
from debstack.runtime.database.driver import Login
from debstack.runtime.database.mariadb import Facts, parse_grants, plan, translated, wanted_host
from debstack.runtime.resolve import resolved_account
from debstack.runtime.site import DatabaseServer, Engine

LOGIN = Login(host="localhost", port=0, user="nova", password=Secret("x"), database="nova_api")
OWN = ("ALL PRIVILEGES", r"`nova\_api`.*")
FINE = Facts(
    charset="utf8mb4", tables=3, user=True, login=True, grants=frozenset({("USAGE", "*.*"), OWN})
)
LOCAL = DatabaseServer(engine=Engine.MARIADB)
REMOTE = DatabaseServer(engine=Engine.MARIADB, host="db1")


def summaries(facts: Facts, ours: frozenset[str] = frozenset({"nova_api", "glance"})) -> list[str]:
    actions = plan(facts, LOGIN, "localhost", frozenset({"nova_api", "nova_cell0"}), ours)
    return [action.summary for action in actions]


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


def test_a_local_account_serves_this_machine_alone() -> None:
    installed = manifests_of("nova")
    own, remote = (
        resolved_account(inputs(installed), LOCAL, manifest, key)
        for manifest in installed
        for key in manifest.package.database
        if key in ("nova", "nova_cell")
    )
    assert (wanted_host(LOCAL, own), wanted_host(REMOTE, own)) == ("localhost", "%")
    assert wanted_host(LOCAL, remote) == "%"
