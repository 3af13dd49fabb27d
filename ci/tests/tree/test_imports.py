# SPDX-License-Identifier: Apache-2.0
"""Imports point one way: what is needed at build time and at run time stays apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipeline.tree import ROOT

SOURCES = ROOT / "openstack-pkg-tools" / "src"
BUILD_TIME = {"jinja2", "debian", "oslo_config"}
RUN_TIME = {"pymysql", "psycopg2", "keystoneauth1", "amqp", "debconf"}

#: Part of debstack to the parts (and third-party modules) that it may not import.
FORBIDDEN = {
    "base": {"debstack.spec", "debstack.runtime", "debstack.render", "debstack.dh"}
    | BUILD_TIME
    | RUN_TIME,
    "spec": {"debstack.runtime", "debstack.render", "debstack.dh"} | BUILD_TIME | RUN_TIME,
    "render": {"debstack.runtime", "debstack.dh"} | RUN_TIME,
    # keystoneauth1 declares options of the services, which the option catalogues list.
    "dh": {"debstack.runtime"} | RUN_TIME - {"keystoneauth1"},
    "runtime": {"debstack.render", "debstack.dh"} | BUILD_TIME,
}


def imported(path: Path) -> Iterator[str]:
    """Give the modules that a file imports, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def wrong_imports(part: str, name: str) -> bool:
    """Tell whether a module of `part` may not import `name`."""
    return any(name == bad or name.startswith(f"{bad}.") for bad in FORBIDDEN[part])


@pytest.mark.parametrize("part", sorted(FORBIDDEN))
def test_imports_point_one_way(part: str) -> None:
    wrong = {
        f"{path.relative_to(SOURCES)} imports {name}"
        for path in (SOURCES / "debstack" / part).rglob("*.py")
        for name in imported(path)
        if wrong_imports(part, name)
    }
    assert not wrong


def test_every_part_has_a_rule() -> None:
    parts = {path.parent.name for path in (SOURCES / "debstack").glob("*/__init__.py")}
    assert parts <= FORBIDDEN.keys()


def test_shipped_code_does_not_import_the_pipeline() -> None:
    ours = {"invoke", "pipeline", "testbed", "tasks"}
    wrong = {
        f"{path.relative_to(SOURCES)} imports {name}"
        for path in SOURCES.rglob("*.py")
        for name in imported(path)
        if name.partition(".")[0] in ours
    }
    assert not wrong
