# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import pwd
from pathlib import Path

import pytest

from debstack.base.errors import ConfigurationError, DatabaseError
from debstack.base.secret import Secret
from debstack.runtime.database.sqlite import Facts, SqliteDriver, plan
from debstack.runtime.site import DatabaseAccount

USER = pwd.getpwuid(os.geteuid()).pw_name


def account(user: str = USER) -> DatabaseAccount:
    return DatabaseAccount(
        key="k",
        source="s",
        binary="s",
        database="k",
        user="k",
        password=Secret(""),
        url=Secret("sqlite:////var/lib/s/k.sqlite"),
        system_user=user,
        path="/var/lib/s/k.sqlite",
    )


@pytest.mark.parametrize(
    ("facts", "planned"),
    [
        (Facts(uid=None, mode=None), ["create database /db"]),
        (Facts(uid=0, mode=0o640, log=True), ["give database /db to nova (mode 0640)"]),
        (Facts(uid=7, mode=0o644, log=True), ["give database /db to nova (mode 0640)"]),
        (Facts(uid=7, mode=0o640), ["turn on the write-ahead log of database /db"]),
        (Facts(uid=7, mode=0o640, log=True), []),
    ],
)
def test_plan(facts: Facts, planned: list[str]) -> None:
    assert plan(facts, "/db", "nova", 7) == planned


def test_a_file_is_made_once_used_locked_and_removed(tmp_path: Path) -> None:
    driver = SqliteDriver(tmp_path)
    (change,) = driver.changes(account(), [])
    change.perform()
    assert driver.changes(account(), []) == []
    file = tmp_path / "var/lib/s/k.sqlite"
    assert file.stat().st_mode & 0o7777 == 0o640
    with driver.open(account()) as one, driver.open(account()) as other:
        one.rows("CREATE TABLE t (a INTEGER)")
        one.rows("INSERT INTO t VALUES (%s)", [4])
        assert other.rows("SELECT a FROM t WHERE a = %s", [4]) == [(4,)]
        assert one.try_lock()
        assert not other.try_lock()
        one.unlock()
        assert other.try_lock()
        other.empty()
        assert one.tables() == frozenset()
    for removal in driver.removals(account()):
        removal.perform()
    assert driver.removals(account()) == []


def test_a_writer_does_not_wait_for_a_reader(tmp_path: Path) -> None:
    driver = SqliteDriver(tmp_path)
    (change,) = driver.changes(account(), [])
    change.perform()
    with driver.open(account()) as reader, driver.open(account()) as writer:
        writer.rows("CREATE TABLE t (a INTEGER)")
        reader.rows("BEGIN")
        assert reader.rows("SELECT a FROM t") == []
        writer.rows("INSERT INTO t VALUES (1)")
        reader.rows("COMMIT")


def test_a_missing_user_and_a_missing_file_are_told(tmp_path: Path) -> None:
    driver = SqliteDriver(tmp_path)
    with pytest.raises(ConfigurationError, match="there is no such user"):
        driver.changes(account("no-such-user"), [])
    with pytest.raises(DatabaseError, match="cannot be opened"), driver.open(account()):
        pass
