# SPDX-License-Identifier: Apache-2.0
"""debconf-set-selections as a check, with a database of its own: the host's does not matter.

Even with --checkonly it looks every question up, and refuses one whose template is left without it.
"""

from __future__ import annotations

from pathlib import Path

from debstack.base.run import run

_SYSTEMRC = """\
Config: config
Templates: templates

Name: config
Driver: File
Filename: {folder}/config.dat

Name: templates
Driver: File
Filename: {folder}/templates.dat
"""


def accepts_selections(text: str, folder: Path) -> None:
    """Raise CommandError unless debconf takes the preseed file `text`; `folder` may be filled."""
    configuration = folder / "debconf.conf"
    configuration.write_text(_SYSTEMRC.format(folder=folder), encoding="utf-8")
    environment = {"DEBCONF_SYSTEMRC": str(configuration), "HOME": str(folder)}
    run(["debconf-set-selections", "--checkonly"], input=text, env=environment)
