# SPDX-License-Identifier: Apache-2.0
"""The reference of openstack.toml is complete: it is made from the vocabulary itself."""

from __future__ import annotations

import dataclasses

from debstack.spec import vocabulary
from debstack.spec.load import key_of
from debstack.spec.reference import restructured_text, tables


def test_every_dataclass_of_the_file_has_a_table_with_all_its_keys() -> None:
    described = {table.path: {key.name for key in table.keys} for table in tables()}
    for path, kind in {
        "": vocabulary.Component,
        "package.BINARY": vocabulary.Package,
        "package.BINARY.unit.NAME": vocabulary.Unit,
        "package.BINARY.config.NAME": vocabulary.Config,
    }.items():
        assert described[path] == {key_of(field.name) for field in dataclasses.fields(kind)}


def test_every_table_of_a_package_has_its_place() -> None:
    described = {table.path for table in tables()}
    within = {path.split(".")[2] for path in described if path.startswith("package.BINARY.")}
    values = {"data", "code-packages"}
    keys = {key_of(field.name) for field in dataclasses.fields(vocabulary.Package)}
    assert within == keys - values
    assert "package.BINARY.rings.ring.NAME" in described


def test_defaults_and_types_are_told_as_toml_writes_them() -> None:
    keys = {key.name: key for table in tables() for key in table.keys if "unit" in table.path}
    assert (keys["port"].type, keys["port"].default) == ("integer", "0")
    assert (keys["health-path"].default, keys["kind"].default) == ('"/"', None)
    assert keys["kind"].type == "one of wsgi, daemon"
    assert (
        keys["databases"].text
        == "Databases of this source that must be current before it starts (by key)."
    )


def test_references_do_not_become_substitutions_of_the_page() -> None:
    assert r"\${database.KEY}" in restructured_text()


def test_every_key_is_explained() -> None:
    assert [f"{t.path}.{key.name}" for t in tables() for key in t.keys if not key.text] == []
