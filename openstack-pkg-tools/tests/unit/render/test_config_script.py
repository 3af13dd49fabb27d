# SPDX-License-Identifier: Apache-2.0
"""The dialogue of a config script: defaults, backing up, bad answers, recorded answers."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.render.debconf_double import LOW, MEDIUM, NOBODY, Debconf
from unit.spec.declaring import component

from debstack.base.run import Result
from debstack.render.config_script import config_script

QUESTIONS = {
    "colour": {
        "summary": "Colour:",
        "text": "Which.",
        "type": "select",
        "choices": ["red", "green"],
        "default": "red",
    },
    "address": {
        "summary": "Address:",
        "text": "Where.",
        "check": "address",
        "detect": "primary-address",
    },
    "hidden": {"summary": "Hidden:", "text": "Low.", "priority": "low", "check": "port"},
    "host": {"summary": "Host:", "text": "Where.", "check": "host"},
}


@pytest.fixture
def debconf(tmp_path: Path) -> Debconf:
    declared = component({"package/tiny-common/question": QUESTIONS})
    return Debconf(folder=tmp_path, component=declared, binary="tiny-common")


def _script(debconf: Debconf) -> str:
    script = config_script(debconf.component, debconf.binary)
    return script.replace("set -e\n", "set -e\nip() { echo 'x src 192.0.2.9 uid 0'; }\n", 1)


def _run(debconf: Debconf, *acts: str, level: int = MEDIUM) -> Result:
    result = debconf.run(_script(debconf), *acts, level=level)
    assert result.code == 0, result.stderr
    return result


def _shown(debconf: Debconf) -> list[str]:
    return [told.split()[0].removeprefix("tiny/") for told in debconf.told()]


def test_nobody_is_asked_and_the_defaults_stand(debconf: Debconf) -> None:
    _run(debconf, level=NOBODY)
    assert debconf.told() == []
    assert debconf.value("tiny/colour") == "red"


def test_a_detected_value_that_nobody_saw_is_not_kept(debconf: Debconf) -> None:
    _run(debconf, level=NOBODY)
    assert debconf.value("tiny/address") == ""


def test_a_person_sees_the_detected_value_and_may_keep_it(debconf: Debconf) -> None:
    _run(debconf, "=", "=", "=")
    assert "tiny/address [192.0.2.9]" in debconf.told()
    assert debconf.value("tiny/address") == "192.0.2.9"


def test_questions_of_low_priority_are_shown_when_asked_for(debconf: Debconf) -> None:
    _run(debconf, "=", "=", "80", "=", "", level=LOW)
    assert _shown(debconf) == ["colour", "address", "hidden", "host", "database-password"]


def test_a_person_goes_back_past_what_is_not_shown(debconf: Debconf) -> None:
    _run(debconf, "=", "::1", "<", "<", "green", "=", "cloud")
    assert _shown(debconf) == ["colour", "address", "host", "address", "colour", "address", "host"]
    assert debconf.value("tiny/colour") == "green"
    assert debconf.value("tiny/address") == "::1"


def test_back_from_the_first_question_asks_it_again(debconf: Debconf) -> None:
    _run(debconf, "<", "green", "=", "=")
    assert _shown(debconf) == ["colour", "colour", "address", "host"]


def test_back_from_the_first_visible_question_does_not_go_round_in_circles(
    debconf: Debconf,
) -> None:
    debconf.preseed("tiny/colour", "green")
    _run(debconf, "<", "=", "=")
    assert _shown(debconf) == ["address", "address", "host"]


def test_a_bad_answer_is_told_and_asked_again(debconf: Debconf) -> None:
    _run(debconf, "=", "300.1.1.1", "192.0.2.3", "=")
    assert _shown(debconf) == ["colour", "address", "invalid-address", "address", "host"]
    assert debconf.value("tiny/address") == "192.0.2.3"
    assert "tiny/invalid-address=300.1.1.1" in (debconf.folder / "substituted").read_text()


def test_a_person_can_go_back_from_a_bad_answer(debconf: Debconf) -> None:
    _run(debconf, "=", "x", "<", "green", "::1", "=")
    assert debconf.value("tiny/colour") == "green"


def test_a_preseeded_bad_answer_is_asked_where_somebody_is(debconf: Debconf) -> None:
    debconf.preseed("tiny/hidden", "nothing")
    _run(debconf, "=", "=", "80", "=")
    assert debconf.value("tiny/hidden") == "80"


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("tiny/address", "nowhere", "tiny/address: expected an IPv4 or IPv6 address"),
        ("tiny/colour", "blue", 'tiny/colour: expected one of red, green, got "blue"'),
        ("tiny/colour", "red, green", "tiny/colour: expected one of red, green"),
        (
            "tiny/hidden",
            "99999",
            'tiny/hidden: expected a port number from 1 to 65535, got "99999"',
        ),
    ],
)
def test_a_bad_answer_where_nobody_is_asked_ends_in_an_error(
    debconf: Debconf, name: str, value: str, expected: str
) -> None:
    debconf.preseed(name, value)
    result = debconf.run(_script(debconf), level=NOBODY)
    assert result.code == 1
    assert expected in result.stderr
    assert "debstack: hint: correct it" in result.stderr


def test_an_empty_answer_is_the_default_and_never_bad(debconf: Debconf) -> None:
    debconf.preseed("tiny/host", "")
    _run(debconf, level=NOBODY)


def test_what_the_administrator_wrote_is_the_answer(debconf: Debconf) -> None:
    debconf.site = {"tiny/colour": "green"}
    _run(debconf, level=NOBODY)
    assert debconf.value("tiny/colour") == "green"
    assert debconf.seen("tiny/colour")


def test_an_answer_given_after_the_file_was_taken_stays(debconf: Debconf) -> None:
    debconf.site = debconf.taken = {"tiny/host": "old"}
    debconf.preseed("tiny/host", "new")
    _run(debconf, level=NOBODY)
    assert debconf.value("tiny/host") == "new"


def test_a_file_that_was_edited_after_it_was_taken_wins(debconf: Debconf) -> None:
    debconf.taken = {"tiny/host": "old"}
    debconf.site = {"tiny/host": "edited"}
    debconf.preseed("tiny/host", "old")
    assert "warning" not in _run(debconf, level=NOBODY).stderr
    assert debconf.value("tiny/host") == "edited"


def test_where_both_were_changed_it_is_said_what_was_taken(debconf: Debconf) -> None:
    debconf.taken = {"tiny/host": "old"}
    debconf.site = {"tiny/host": "edited"}
    debconf.preseed("tiny/host", "preseeded")
    told = _run(debconf, level=NOBODY).stderr
    assert 'tiny/host: debconf says "preseeded"' in told
    assert 'took "edited", not "preseeded"' in told
    assert debconf.value("tiny/host") == "edited"


def test_an_emptied_answer_in_the_file_counts(debconf: Debconf) -> None:
    debconf.taken = {"tiny/host": "old"}
    debconf.site = {"tiny/host": ""}
    debconf.preseed("tiny/host", "old")
    _run(debconf, level=NOBODY)
    assert debconf.value("tiny/host") == ""


def test_the_answers_of_a_file_fill_a_database_that_was_lost(debconf: Debconf) -> None:
    debconf.site = debconf.taken = {"tiny/host": "cloud"}
    _run(debconf, level=NOBODY)
    assert debconf.value("tiny/host") == "cloud"


def test_a_bad_answer_in_the_file_is_refused(debconf: Debconf) -> None:
    debconf.site = {"tiny/host": "not a host"}
    assert "tiny/host: expected a host name" in debconf.run(_script(debconf), level=NOBODY).stderr


def test_a_package_that_asks_nothing_has_no_script() -> None:
    assert config_script(component(), "tiny-api") == ""
