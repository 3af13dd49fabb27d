# SPDX-License-Identifier: Apache-2.0
"""Components for tests, made from a small valid declaration with some keys replaced."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from debstack.base.errors import SpecError
from debstack.spec.load import load
from debstack.spec.validate import problems_of
from debstack.spec.vocabulary import Component, Question

TREE = Path(__file__).parents[4]
DECLARATIONS = sorted(TREE.glob("packages/*/debian/openstack.toml"))

_SMALL: dict[str, Any] = {
    "schema": 1,
    "source": "tiny",
    "title": "OpenStack Tiny",
    "user": "tiny",
    "package": {
        "tiny-common": {
            "question": {
                "colour": {
                    "summary": "Colour of things:",
                    "text": "What colour they have.",
                    "type": "select",
                    "choices": ["red", "green"],
                    "default": "red",
                },
            },
            "database": {"tiny": {}},
            "schema": {"tiny": {"sync": ["tiny-manage", "db_sync"], "migrations": "tiny/versions"}},
            "config": {
                "tiny": {"directory": "/etc/tiny/tiny.conf.d", "namespaces": ["tiny"], "set": {}},
            },
        },
        "tiny-api": {
            "service": {
                "tiny": {"name": "tiny", "description": "Tiny", "endpoint": {"port": 4712}},
            },
            "unit": {
                "tiny-api": {
                    "kind": "wsgi",
                    "description": "Tiny API",
                    "application": "tiny.wsgi:application",
                    "port": 4712,
                },
            },
        },
    },
}


def small(changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Return the declaration with `changes`: dotted key path to value; None removes the key."""
    declared = copy.deepcopy(_SMALL)
    for path, value in (changes or {}).items():
        *parents, last = path.split("/")
        table = declared
        for key in parents:
            table = table.setdefault(key, {})
        if value is None:
            table.pop(last, None)
        else:
            table[last] = value
    return declared


def component(changes: Mapping[str, Any] | None = None) -> Component:
    """Return the component of small(changes), which must have the right types."""
    return load(Component, small(changes), where="openstack.toml")


def problems(
    changes: Mapping[str, Any],
    *,
    shared: Mapping[str, Question] | None = None,
    binaries: frozenset[str] | None = None,
) -> list[str]:
    """Return what is wrong with the declaration after `changes`."""
    try:
        declared = component(changes)
    except SpecError as error:
        return [problem.removeprefix("openstack.toml: ") for problem in error.problems]
    return problems_of(declared, shared=shared or {}, binaries=binaries)
