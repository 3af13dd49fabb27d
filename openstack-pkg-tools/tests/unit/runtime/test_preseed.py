# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from debstack.base.errors import AnswerError
from debstack.runtime.preseed import Entry, Preseed

TEXT = """\
# a comment
debstack openstack/region string RegionOne

d-i  some/other   boolean true
glance glance/store select file
something odd
"""
PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]))


def entry(name: str, value: str, kind: str = "string") -> Entry:
    return Entry(owner="debstack", name=name, type=kind, value=value)


def test_values_of_all_owners_are_read() -> None:
    assert Preseed.parse(TEXT).values() == {
        "openstack/region": "RegionOne",
        "some/other": "true",
        "glance/store": "file",
    }


def test_a_change_leaves_every_other_line_as_it_was() -> None:
    changed = Preseed.parse(TEXT).updated({"glance/store": entry("glance/store", "rbd", "select")})
    assert changed.render() == TEXT.replace(
        "glance glance/store select file", "debstack glance/store select rbd"
    )


def test_an_entry_that_is_there_already_keeps_its_line() -> None:
    same = Preseed.parse(TEXT).entries()["glance/store"]
    assert Preseed.parse(TEXT).updated({"glance/store": same}).render() == TEXT


def test_a_new_entry_comes_last_and_none_removes() -> None:
    changed = Preseed.parse(TEXT).updated({"a/b": entry("a/b", "c"), "openstack/region": None})
    assert changed.render().endswith("something odd\ndebstack a/b string c\n")
    assert "RegionOne" not in changed.render()


def test_of_two_lines_the_last_counts_and_one_is_left_after_a_change() -> None:
    preseed = Preseed.parse("x a/b string one\nx a/b string two\n")
    assert preseed.values() == {"a/b": "two"}
    assert preseed.updated({"a/b": entry("a/b", "three")}).render() == "debstack a/b string three\n"


def test_blanks_in_front_of_a_value_belong_to_it() -> None:
    assert Preseed.parse("x a/b string  two\n").values() == {"a/b": " two"}


def test_a_backslash_joins_lines_as_debconf_does() -> None:
    preseed = Preseed.parse("x a/b string one, \\\ntwo\nx c/d string e\n")
    assert preseed.values() == {"a/b": "one, two", "c/d": "e"}
    assert preseed.line_of("c/d") == 3


def test_lines_that_are_not_understood_are_told() -> None:
    assert Preseed.parse(TEXT + "x a/b seen true\n").not_understood() == [(6, "something odd")]


@given(PRINTABLE, PRINTABLE)
@example("\\", "\\")
@example("a\\\\", "x")
@settings(deadline=None, max_examples=50)
def test_any_printable_value_comes_back(value: str, another: str) -> None:
    entries = {"a/b": entry("a/b", value), "c/d": entry("c/d", another)}
    text = Preseed().updated(entries).render()
    read = Preseed.parse(text)
    assert read.values() == {"a/b": value, "c/d": another}
    assert read.render() == text
    assert read.updated({"a/b": None, "c/d": None}).render() == ""


def test_what_a_line_cannot_hold_is_refused() -> None:
    with pytest.raises(AnswerError, match="a/b: a value of more than one line"):
        entry("a/b", "a\nb").text()


def test_a_comment_of_somebody_else_behind_a_backslash_is_joined_as_debconf_does() -> None:
    assert Preseed.parse("x a/b string one\\\n# two\n").values() == {"a/b": "one# two"}


def test_a_value_is_not_shown_by_repr() -> None:
    assert "hidden" not in repr(entry("a/b", "hidden"))
