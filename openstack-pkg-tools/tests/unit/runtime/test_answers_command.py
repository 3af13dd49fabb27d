# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from unit.runtime.making import all_manifests

from debstack.base.errors import AnswerError
from debstack.runtime import answers
from debstack.runtime.answers_command import export_lines, question, rows, store
from debstack.runtime.manifests import known_questions
from debstack.runtime.secrets_command import check_secret

KNOWN = known_questions(all_manifests())


def test_rows_tell_where_an_answer_is_from() -> None:
    found = {row["name"]: row for row in rows(KNOWN, {"glance/store": "rbd"})}
    assert (found["glance/store"]["value"], found["glance/store"]["from"]) == (
        "rbd",
        "site.preseed",
    )
    assert (found["openstack/region"]["value"], found["openstack/region"]["from"]) == (
        "RegionOne",
        "default",
    )
    assert "openstack/admin-password" not in found


def test_passwords_and_answers_are_kept_apart() -> None:
    assert question(KNOWN, "openstack/region", secret=False).binary == "debstack"
    with pytest.raises(AnswerError, match="it is a password"):
        question(KNOWN, "glance/service-password", secret=False)
    with pytest.raises(AnswerError, match=r'did you mean "openstack/region"'):
        question(KNOWN, "openstack/regoin", secret=False)


def test_storing_changes_one_line(tmp_path: Path) -> None:
    path = tmp_path / "site.preseed"
    for value in ("North", "South"):
        known = {"openstack/region": KNOWN["openstack/region"]}
        store(path, answers.SITE_HEADER, known, {"openstack/region": value}, mode=0o644)
    text = path.read_text()
    assert text == f"{answers.SITE_HEADER}debstack openstack/region string South\n"


def test_a_backslash_at_the_end_comes_last_in_an_export() -> None:
    given = {"glance/service-password": "a\\", "openstack/region": "North"}
    assert export_lines(KNOWN, given) == [
        "debstack openstack/region string North",
        "glance-common glance/service-password password a\\",
    ]
    with pytest.raises(AnswerError, match="only one"):
        export_lines(KNOWN, {**given, "glance/database-password": "b\\"})


@pytest.mark.parametrize("value", ["", "a\tb", "a\x1bb"])
def test_what_is_no_password(value: str) -> None:
    with pytest.raises(AnswerError):
        check_secret("x/y", value)
