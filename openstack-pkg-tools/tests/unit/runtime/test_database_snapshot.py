# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest

from debstack.base.errors import DatabaseError
from debstack.runtime.database.driver import Row
from debstack.runtime.database.snapshot import canonical, dump, from_json, to_json

CONSTANT = str(uuid.uuid4())


class Mariadb:
    """What `dump` asks of a session, with two tables that know each other's keys."""

    def __init__(self, *, triggers: int = 0) -> None:
        self.triggers = triggers
        self.keys = [str(uuid.uuid4()) for _ in range(3)]

    def server(self) -> tuple[str, tuple[int, ...]]:
        return "mariadb", (11, 8, 6)

    def tables(self) -> frozenset[str]:
        return frozenset({"kinds", "things"})

    def quoted(self, name: str) -> str:
        return f"`{name}`"

    def rows(self, statement: str, _values: Sequence[object] = ()) -> list[Row]:
        now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
        first, second, third = self.keys
        answers: dict[str, list[Row]] = {
            "TABLE_TYPE": [("BASE TABLE",)],
            "TRIGGERS": [(1,)] * self.triggers,
            "SCHEMATA": [("utf8mb4", "utf8mb4_general_ci")],
            "SHOW CREATE TABLE": [("t", "CREATE TABLE `t` (a int) AUTO_INCREMENT=7 CHARSET=x")],
            "SHOW COLUMNS": [("a",), ("b",), ("c",)],
            # A database gives them in the order of the keys, which differs from run to run.
            "FROM `kinds`": sorted([(first, "a", now), (second, "b", datetime(2020, 1, 2))]),
            "FROM `things`": [(third, second, CONSTANT), (b"\0", 1, None)],
        }
        return next(rows for words, rows in answers.items() if words in statement)


def dumped(session: Any) -> str:
    return to_json(dump(session, constants=f"id = '{CONSTANT}'"))


def test_two_runs_of_a_migration_give_the_same_snapshot() -> None:
    assert len({dumped(Mariadb()) for _ in range(9)}) == 1


def test_what_was_made_up_is_told_from_what_is_constant() -> None:
    kinds, things = from_json(dumped(Mariadb())).tables
    assert kinds.create == "CREATE TABLE `t` (a int) CHARSET=x"
    assert kinds.rows == (
        ({"uuid": 0, "dashes": True}, "a", {"now": True}),
        ({"uuid": 1, "dashes": True}, "b", {"time": "2020-01-02T00:00:00"}),
    )
    assert ({"uuid": 2, "dashes": True}, {"uuid": 1, "dashes": True}, CONSTANT) in things.rows
    assert ({"bytes": "00"}, 1, None) in things.rows


def test_what_a_snapshot_cannot_hold_is_told() -> None:
    with pytest.raises(DatabaseError, match="a view or a trigger"):
        dumped(Mariadb(triggers=1))


def test_the_order_of_indexes_is_always_the_same() -> None:
    table = (
        "CREATE TABLE `t` (\n  `a` int,\n  PRIMARY KEY (`a`),\n{}\n) ENGINE=InnoDB AUTO_INCREMENT=4"
    )
    one = table.format("  KEY `b` (`a`),\n  UNIQUE KEY `c` (`a`)")
    other = table.format("  UNIQUE KEY `c` (`a`),\n  KEY `b` (`a`)")
    assert canonical(one) == canonical(other) == one.removesuffix(" AUTO_INCREMENT=4")
