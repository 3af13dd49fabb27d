# SPDX-License-Identifier: Apache-2.0
"""A po file follows the declarations: new messages come empty, former ones go."""

from __future__ import annotations

from pathlib import Path

from tasks.translations import untranslated, update

_HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n"Language: fr\\n"\n'


def test_new_messages_are_listed_and_former_ones_go(tmp_path: Path) -> None:
    po, template = tmp_path / "fr.po", tmp_path / "new.pot"
    po.write_text(
        f'{_HEADER}\nmsgid "Kept:"\nmsgstr "Gardé :"\n\nmsgid "Former"\nmsgstr "Ancien"\n'
    )
    template.write_text(f'{_HEADER}\nmsgid "Kept:"\nmsgstr ""\n\nmsgid "Kept now:"\nmsgstr ""\n')
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    update(po, template)
    assert "Former" not in po.read_text()
    assert 'msgid "Kept:"\nmsgstr "Gardé :"' in po.read_text()
    assert untranslated(po, scratch).strip() == 'msgid "Kept now:"\nmsgstr ""'
