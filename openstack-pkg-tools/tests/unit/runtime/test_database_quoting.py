# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debstack.base.errors import DatabaseError
from debstack.runtime.database.quoting import (
    grant_pattern,
    identifier,
    postgresql_bound,
    postgresql_literal,
)
from debstack.runtime.site import Engine


@pytest.mark.parametrize(
    ("engine", "name", "quoted"),
    [
        (Engine.MARIADB, "glance", "`glance`"),
        (Engine.MARIADB, "a`b", "`a``b`"),
        (Engine.POSTGRESQL, 'a"b', '"a""b"'),
        (Engine.SQLITE, "x; drop table y", '"x; drop table y"'),
    ],
)
def test_identifiers_are_quoted(engine: Engine, name: str, quoted: str) -> None:
    assert identifier(engine, name) == quoted


@pytest.mark.parametrize("name", ["", "a\0b"])
def test_impossible_identifiers_are_refused(name: str) -> None:
    with pytest.raises(DatabaseError):
        identifier(Engine.MARIADB, name)


def test_a_grant_does_not_reach_databases_of_similar_names() -> None:
    assert grant_pattern("nova_api") == r"`nova\_api`"
    assert grant_pattern("a%b") == r"`a\%b`"


@pytest.mark.parametrize(
    ("value", "literal"),
    [(True, "true"), (7, "7"), ("it's", "E'it''s'"), ("a\\b", "E'a\\\\b'")],
)
def test_postgresql_literals(value: object, literal: str) -> None:
    assert postgresql_literal(value) == literal


@given(st.text(alphabet=st.characters(exclude_characters="\0")))
def test_a_literal_never_ends_early(text: str) -> None:
    inner = postgresql_literal(text)[2:-1].replace("\\\\", "").replace("''", "")
    assert "'" not in inner
    assert "\\" not in inner


def test_values_are_bound_in_order_and_never_twice() -> None:
    assert postgresql_bound("SELECT %s, %s", ["%s", 2]) == "SELECT E'%s', 2"
    with pytest.raises(ValueError, match="2 places for 1 values"):
        postgresql_bound("SELECT %s, %s", [1])
