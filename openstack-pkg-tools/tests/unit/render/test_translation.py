# SPDX-License-Identifier: Apache-2.0
"""Every translation says all that the questions of the tree say, and nothing of it is damaged."""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest
from unit.spec.declaring import DECLARATIONS, TREE

from debstack.render.messages import messages
from debstack.spec.component import read_component

LANGUAGES = ("de", "es", "fr", "it", "ja", "nl", "pt_BR", "ru", "zh_CN")
_PO = TREE / "openstack-pkg-tools/po"
_ENTRY = re.compile(r'^msgid (?P<id>".+")\nmsgstr (?P<text>".*")$', re.MULTILINE)
#: What is the same in all languages: references, paths, URLs.
_FIXED = re.compile(
    r"\$\{[^}]+\}|/(?:etc|var|usr|srv|dev|run|root)/[\w./-]*\w|https?://[\w.:/-]*\w"
)
#: Choices are values too, and a single word may be one of several languages.
_WORD = re.compile(r"[A-Za-z0-9-]+:?")


@cache
def translations(language: str) -> dict[str, str]:
    """Return what stands in the po file of `language`, which has one line for each message."""
    text = (_PO / f"{language}.po").read_text(encoding="utf-8")
    found = {
        ast.literal_eval(match["id"]): ast.literal_eval(match["text"])
        for match in _ENTRY.finditer(text)
    }
    assert len(found) == text.count("\nmsgid ") - text.count('\nmsgid ""\n'), "one line each"
    return found


@pytest.mark.parametrize("path", [TREE / "debian/openstack.toml", *DECLARATIONS], ids=str)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated(language: str, path: object) -> None:
    found = translations(language)
    component = read_component(TREE / str(path))
    missing = [message for message in messages(component) if not found.get(message)]
    assert missing == [], f"run: ci/invoke translations; then complete {language}.po"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_no_language_stands_in_the_translation_too(language: str) -> None:
    lost = [
        (message, text)
        for message, text in translations(language).items()
        if sorted(set(_FIXED.findall(message))) != sorted(set(_FIXED.findall(text)))
    ]
    assert lost == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_prompts_end_as_prompts_and_nothing_is_left_in_english(language: str) -> None:
    for message, text in translations(language).items():
        assert text == text.strip(), text
        if message.endswith((":", "?")):
            assert text.endswith(message[-1]), text
        assert text != message or _WORD.fullmatch(message), text
