# SPDX-License-Identifier: Apache-2.0
"""The questions that the whole machine shares, as debstack's own openstack.toml declares them."""

from __future__ import annotations

import tomllib
from pathlib import Path

from debstack.base.errors import SpecError
from debstack.spec.load import load
from debstack.spec.vocabulary import Component, Question

_INSTALLED = Path("/usr/share/debstack/openstack.toml")
_IN_TREE = Path(__file__).parents[4] / "debian" / "openstack.toml"


def shared_questions() -> dict[str, Question]:
    """Return full name to question of what is asked as openstack/….

    Read in the source tree of the toolkit if this module lies in it, else where it is installed.
    """
    path = _IN_TREE if _IN_TREE.is_file() else _INSTALLED
    try:
        parsed = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SpecError([f"{path}: {error.strerror}; is dh-openstack installed?"]) from error
    component = load(Component, parsed, where=str(path))
    return {
        f"{component.question_prefix}/{key}": question
        for package in component.package.values()
        for key, question in package.question.items()
    }
