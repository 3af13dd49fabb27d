# SPDX-License-Identifier: Apache-2.0
"""Templates: debconf's form, one stanza per question, an error for each check that is used."""

from __future__ import annotations

from debian.deb822 import Deb822
from unit.spec.declaring import component

from debstack.render.debconf import templates_file
from debstack.render.messages import messages, pot


def _stanzas(binary: str = "tiny-common", **changes: object) -> dict[str, Deb822]:
    text = templates_file(component(changes), binary)
    stanzas = Deb822.iter_paragraphs(text.splitlines(), use_apt_pkg=False)
    return {stanza["Template"]: stanza for stanza in stanzas}


def test_questions_passwords_errors_and_purge() -> None:
    assert list(_stanzas()) == [
        "tiny/colour",
        "tiny/database-password",
        "tiny/invalid-choice",
        "tiny/purge-data",
    ]


def test_a_select_has_choices_that_are_translated_one_by_one() -> None:
    stanza = _stanzas()["tiny/colour"]
    assert (stanza["Type"], stanza["__Choices"], stanza["Default"]) == (
        "select",
        "red, green",
        "red",
    )


def test_paragraphs_are_parted_and_lines_wrapped() -> None:
    question = {"summary": "X:", "text": "\n" + "word " * 40 + "\n\nsecond"}
    changes = {"package/tiny-common/question/x": question}
    text = templates_file(component(changes), "tiny-common")
    assert max(map(len, text.splitlines())) < 80
    assert "\n .\n second\n" in text


def test_no_default_no_line() -> None:
    assert "Default" not in _stanzas()["tiny/database-password"]


def test_messages_are_what_translators_see() -> None:
    found = messages(component())
    assert found["Colour of things:"] == "tiny/colour"
    assert {"red", "green", "What colour they have."} <= set(found)
    assert '#. tiny/colour\nmsgid "Colour of things:"' in pot([component()])
