# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import NoReturn

import pymysql
import pytest
from unit.runtime.making import context, inputs, manifests_of

from debstack.base.errors import DatabaseError, DatabaseUnavailable
from debstack.base.secret import Secret
from debstack.runtime.database import mariadb
from debstack.runtime.database.driver import REFUSED_HINT, Driver, Session, driver_for
from debstack.runtime.database.others import UsingDriver
from debstack.runtime.resolve import resolved_account
from debstack.runtime.site import SYSTEM_AUTHORITIES, DatabaseAccount, DatabaseServer, Engine
from debstack.runtime.step import Change
from debstack.runtime.steps import database

SERVER = DatabaseServer(engine=Engine.MARIADB, host="db1")
ADMINISTRATOR = "openstack/database-admin-password"


class Answering(Driver):
    """A server that lets in, or refuses; nothing else may be asked of it."""

    engine = Engine.MARIADB

    def __init__(self, refused: Callable[[str], DatabaseError] | None = None) -> None:
        self._refused = refused

    def changes(
        self, account: DatabaseAccount, accounts: Sequence[DatabaseAccount]
    ) -> list[Change]:
        self._never()

    def declared(self, account: DatabaseAccount) -> list[str]:
        self._never()

    def open(
        self, account: DatabaseAccount, hint: str = REFUSED_HINT
    ) -> AbstractContextManager[Session]:
        if self._refused is not None:
            raise self._refused(hint)
        return nullcontext()  # type: ignore[return-value]

    def removals(self, account: DatabaseAccount) -> list[Change]:
        self._never()

    def close(self) -> None:
        """Nothing is open."""

    def _never(self) -> NoReturn:
        raise AssertionError("an administrator's affair")


def account() -> DatabaseAccount:
    (common,) = (m for m in manifests_of("cinder") if m.binary == "cinder-common")
    return resolved_account(inputs((common,)), SERVER, common, "cinder")


def test_a_database_that_others_made_is_used_and_left_alone() -> None:
    driver = UsingDriver(Answering(), "db1")
    assert driver.engine is Engine.MARIADB
    assert driver.changes(account(), [account()]) == []
    assert driver.declared(account()) == ["log in to database cinder at db1 as cinder"]
    assert driver.removals(account()) == []


def by_mariadb(code: int) -> Callable[[str], DatabaseError]:
    error = pymysql.OperationalError(code, "told")
    return lambda hint: mariadb.translated(error, SERVER, "cinder", hint)


def by_postgresql(told: str) -> Callable[[str], DatabaseError]:
    def refused(hint: str) -> DatabaseError:
        from debstack.runtime.database import postgresql

        return postgresql.refusal(told, SERVER, "cinder", hint)

    return refused


@pytest.mark.parametrize(
    ("refused", "told"),
    [
        (by_mariadb(1045), "cannot log in to MariaDB at db1 as cinder (1045)"),
        # No such user from here, no right, no such database.
        (by_mariadb(1130), "MariaDB at db1:3306: refused what cinder asked (1130: told)"),
        (by_mariadb(1044), "MariaDB at db1:3306: refused what cinder asked (1044: told)"),
        (by_mariadb(1049), "MariaDB at db1:3306: refused what cinder asked (1049: told)"),
        (
            by_postgresql("password authentication failed for user"),
            "cannot log in to PostgreSQL at db1 as cinder",
        ),
        (
            by_postgresql('database "cinder" does not exist'),
            'PostgreSQL at db1:5432: refused what cinder asked (database "cinder" does not exist)',
        ),
    ],
)
def test_where_it_is_of_no_use_both_ways_out_are_told(
    refused: Callable[[str], DatabaseError], told: str
) -> None:
    if "PostgreSQL" in told:
        pytest.importorskip("psycopg2")
    with pytest.raises(DatabaseError) as caught:
        UsingDriver(Answering(refused), "db1").changes(account(), [account()])
    assert caught.value.message == f"database cinder: {told}"
    assert "debstack export --role ROLE" in (caught.value.hint or "")
    assert f"debstack secrets set {ADMINISTRATOR}" in (caught.value.hint or "")


def test_what_has_a_way_out_of_its_own_keeps_it() -> None:
    with pytest.raises(DatabaseError, match="no trusted TLS connection") as caught:
        UsingDriver(Answering(by_mariadb(2026)), "db1").changes(account(), [account()])
    assert "openstack/database-ca" in (caught.value.hint or "")
    with pytest.raises(DatabaseUnavailable) as away:
        UsingDriver(Answering(by_mariadb(2003)), "db1").changes(account(), [account()])
    assert "check openstack/database-host" in (away.value.hint or "")


def test_who_has_the_administrators_password_makes_them(tmp_path: Path) -> None:
    given = DatabaseServer(engine=Engine.MARIADB, host="db1", admin_password=Secret("x"))
    for server, using in (
        (SERVER, True),
        (given, False),
        (DatabaseServer(engine=Engine.MARIADB), False),
        (DatabaseServer(engine=Engine.SQLITE), False),
    ):
        assert isinstance(driver_for(server, tmp_path), UsingDriver) is using


def test_the_authority_of_the_cloud_is_trusted_before_its_database_is_asked(
    tmp_path: Path,
) -> None:
    here = {"openstack/database-host": "10.0.0.9", "openstack/database": "mariadb"}
    for ca, needed in ((SYSTEM_AUTHORITIES, True), ("/etc/ssl/own.pem", False)):
        steps = database.build(context(tmp_path, {**here, "openstack/database-ca": ca}))
        assert steps
        assert all(("tls:trust" in step.needs) is needed for step in steps)
