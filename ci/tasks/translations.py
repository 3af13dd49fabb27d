# SPDX-License-Identifier: Apache-2.0
"""The po files, brought up to date with the questions of the declarations."""

from __future__ import annotations

import tempfile
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from debstack.base.run import run
from debstack.render.messages import pot
from pipeline.tree import ROOT
from refpages.questions import components

PO = ROOT / "openstack-pkg-tools/po"


def update(po: Path, template: Path) -> None:
    """Give `po` the messages of `template`: new ones empty, former ones gone."""
    merge = ["msgmerge", "--quiet", "--update", "--backup=none", "--no-fuzzy-matching", "--no-wrap"]
    run([*merge, str(po), str(template)])
    run(["msgattrib", "--no-obsolete", "--no-wrap", "--output-file", str(po), str(po)])


def untranslated(po: Path, scratch: Path) -> str:
    """Return the entries of `po` that have no translation, as a po file without header."""
    output = scratch / po.name
    argv = ["msgattrib", "--untranslated", "--force-po", "--no-obsolete", "--no-wrap"]
    run([*argv, "--output-file", str(output), str(po)])
    return output.read_text(encoding="utf-8").partition("\n\n")[2]


@task
def translations(_: Context) -> None:
    """Update openstack-pkg-tools/po/*.po from the declarations; list what is untranslated."""
    with tempfile.TemporaryDirectory() as temporary:
        template = Path(temporary, "questions.pot")
        template.write_text(pot(components()), encoding="utf-8")
        for po in sorted(PO.glob("*.po")):
            update(po, template)
            missing = untranslated(po, Path(temporary))
            print(f"{po.relative_to(ROOT)}: {missing.count('msgid ')} untranslated")
            print(missing, end="")
