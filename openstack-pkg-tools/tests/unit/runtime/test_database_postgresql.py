# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import pytest

from debstack.base.errors import DatabaseError, Retriable
from debstack.runtime.site import DatabaseServer, Engine

pytest.importorskip("psycopg2")

from debstack.runtime.database.postgresql import Facts, plan, refusal

NOTHING = Facts(owner="", encoding="", open_to_all=False, role=False, login=False)
FINE = Facts(owner="glance", encoding="UTF8", open_to_all=False, role=True, login=True)
LOCAL = DatabaseServer(engine=Engine.POSTGRESQL)


def summaries(facts: Facts) -> list[str]:
    return [action.summary for action in plan(facts, "glance", "glance", "SCRAM")]


def test_an_empty_server_gets_everything_and_a_finished_one_nothing() -> None:
    assert summaries(FINE) == []
    assert summaries(NOTHING) == [
        "create database user glance",
        "create database glance",
        "close database glance to other users",
    ]


@pytest.mark.parametrize(
    ("differences", "planned"),
    [
        ({"login": False}, ["change the password of database user glance"]),
        ({"owner": "postgres"}, ["give database glance to glance"]),
        ({"open_to_all": True}, ["close database glance to other users"]),
    ],
)
def test_differences_are_planned(differences: dict[str, object], planned: list[str]) -> None:
    assert summaries(dataclasses.replace(FINE, **differences)) == planned  # type: ignore[arg-type]


def test_an_administrator_who_is_no_superuser_joins_the_role_first() -> None:
    assert summaries(dataclasses.replace(NOTHING, superuser=False))[:3] == [
        "create database user glance",
        "let the administrator act for database user glance",
        "create database glance",
    ]
    assert summaries(dataclasses.replace(FINE, superuser=False)) == []


def test_another_encoding_is_an_error_that_names_both() -> None:
    with pytest.raises(DatabaseError, match="expected encoding UTF8, found SQL_ASCII"):
        summaries(dataclasses.replace(FINE, encoding="SQL_ASCII"))


def test_the_password_reaches_the_server_as_a_verifier_only() -> None:
    (action,) = plan(dataclasses.replace(FINE, login=False), "glance", "glance", "SCRAM$x")
    assert action.values == ("SCRAM$x",)
    assert action.statement == 'ALTER ROLE "glance" LOGIN PASSWORD %s'


@pytest.mark.parametrize(
    ("told", "passes", "part"),
    [
        ("connection to server failed: Connection refused", True, "cannot be reached"),
        ("FATAL: the database system is starting up", True, "cannot be reached"),
        ('FATAL: password authentication failed for user "x"', False, "cannot log in"),
        ('FATAL: no pg_hba.conf entry for host "h"', False, "does not let x in"),
        ("SSL error: certificate verify failed", False, "no trusted TLS connection"),
        ("ERROR: permission denied", False, "refused what x asked"),
    ],
)
def test_refusals_are_told_apart(told: str, passes: bool, part: str) -> None:
    error = refusal(told, LOCAL, "x", "")
    assert isinstance(error, Retriable) is passes
    assert part in error.message
