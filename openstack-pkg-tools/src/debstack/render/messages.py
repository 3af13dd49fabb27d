# SPDX-License-Identifier: Apache-2.0
"""What translators translate: the texts of every question, as po-debconf looks them up.

Run as a program with one or more openstack.toml, it prints a POT file for msgmerge(1).
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from pathlib import Path

from debstack.render.debconf import Template, templates
from debstack.render.environment import paragraphs
from debstack.spec.component import read_component
from debstack.spec.vocabulary import Component

_HEADER = """\
msgid ""
msgstr ""
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=UTF-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"""


def _of_template(template: Template) -> list[str]:
    return [template.summary, *paragraphs(template.text), *template.choices]


def messages(component: Component) -> dict[str, str]:
    """Return message to the name of the first question that shows it."""
    found: dict[str, str] = {}
    for binary in component.package:
        for template in templates(component, binary):
            for message in _of_template(template):
                found.setdefault(message, template.name)
    return found


def pot(components: Iterable[Component]) -> str:
    """Return the POT file of the messages of `components`."""
    found: dict[str, str] = {}
    for component in components:
        found = {**messages(component), **found}
    entries = [
        f'#. {name}\nmsgid {json.dumps(message, ensure_ascii=False)}\nmsgstr ""\n'
        for message, name in found.items()
    ]
    return "\n".join([_HEADER, *entries])


if __name__ == "__main__":
    print(pot(read_component(Path(path)) for path in sys.argv[1:]), end="")
