# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from debstack.base.errors import DatabaseError
from debstack.runtime.database.revisions import heads, parse_revision, read_revisions, standing

FILE = Path("x.py")
# Two branches, as Keystone's and Glance's: the contracting one depends on the expanding one.
TREE = {
    "base": (),
    "expand1": ("base",),
    "expand2": ("expand1",),
    "contract1": ("base", "expand1"),
    "contract2": ("contract1", "expand2"),
}


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("revision = 'b'\ndown_revision = 'a'\n", ("b", ("a",))),
        ("revision: str = 'b'\ndown_revision: str | None = None\n", ("b", ())),
        ("revision = 'm'\ndown_revision = ('a', 'b')\ndepends_on = ['c']", ("m", ("a", "b", "c"))),
        ("R = 'b'\nrevision = R\ndown_revision = None", ("b", ())),
        ("import x\nbranch_labels = ('expand', x.Y)\nrevision = 'b'", ("b", ())),
        ("'''no revision'''\nx = 1\n", None),
    ],
)
def test_revisions_are_read_without_running_them(text: str, read: object) -> None:
    assert parse_revision(text, FILE) == read


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("revision = make()", r"x.py:1: expected a revision's name, found make\(\)"),
        ("revision = (", "not Python"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(text: str, told: str) -> None:
    with pytest.raises(DatabaseError, match=told):
        parse_revision(text, FILE)


def test_revisions_in_folders_of_releases_are_found(tmp_path: Path) -> None:
    folder = tmp_path / "2026.1" / "expand"
    folder.mkdir(parents=True)
    (tmp_path / "a.py").write_text("revision = 'a'\ndown_revision = None\n")
    (folder / "b.py").write_text("revision = 'b'\ndown_revision = 'a'\n")
    (folder / "__init__.py").write_text("")
    assert read_revisions(tmp_path) == {"a": (), "b": ("a",)}


def test_a_folder_without_revisions_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DatabaseError, match="holds no schema revisions"):
        read_revisions(tmp_path)


def test_heads_are_what_nothing_builds_on() -> None:
    assert heads(TREE) == {"contract2"}
    assert heads({**TREE, "expand3": ("expand2",)}) == {"contract2", "expand3"}


@pytest.mark.parametrize(
    ("current", "missing", "unknown"),
    [
        ([], set(TREE), set()),
        (["contract2"], set(), set()),
        (["contract1", "expand2"], {"contract2"}, set()),
        (["expand2"], {"contract1", "contract2"}, set()),
        (["contract2", "later"], set(), {"later"}),
    ],
)
def test_standing(current: list[str], missing: set[str], unknown: set[str]) -> None:
    found = standing(TREE, current)
    assert set(found.missing) == missing
    assert set(found.unknown) == unknown
