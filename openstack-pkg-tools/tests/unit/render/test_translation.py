# SPDX-License-Identifier: Apache-2.0
"""The French translation says all that the questions of the tree say."""

from __future__ import annotations

import re

import pytest
from unit.spec.declaring import DECLARATIONS, TREE

from debstack.render.messages import messages
from debstack.spec.component import read_component

_ENTRY = re.compile(r'^msgid (?P<id>".*")\nmsgstr "(?P<text>.+)"$', re.MULTILINE)


@pytest.mark.parametrize("path", [TREE / "debian/openstack.toml", *DECLARATIONS], ids=str)
def test_every_message_is_translated(path: object) -> None:
    own = TREE / "openstack-pkg-tools/po/fr.po"
    found = {match["id"] for match in _ENTRY.finditer(own.read_text())}
    component = read_component(TREE / str(path))
    missing = [
        message
        for message in messages(component)
        if '"' + message.replace("\\", "\\\\").replace('"', '\\"') + '"' not in found
    ]
    assert missing == []
