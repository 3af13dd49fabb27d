# SPDX-License-Identifier: Apache-2.0
"""What debian/control and openstack.toml of the source package at hand say."""

from __future__ import annotations

from pathlib import Path

from debian.deb822 import Deb822

from debstack.base.errors import SpecError
from debstack.spec.component import read_component
from debstack.spec.vocabulary import Component

CONTROL = Path("debian/control")
DECLARATION = Path("debian/openstack.toml")


def binaries(control: Path) -> frozenset[str]:
    """Return the names of the binary packages in `control`. Raises SpecError without one."""
    try:
        text = control.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise SpecError([f"{control}: no such file; is this a source package?"]) from error
    stanzas = Deb822.iter_paragraphs(text.splitlines(), use_apt_pkg=False)
    return frozenset(stanza["Package"] for stanza in stanzas if "Package" in stanza)


def component() -> Component:
    """Return the component that the source package in the current directory declares."""
    return read_component(DECLARATION, binaries=binaries(CONTROL))
