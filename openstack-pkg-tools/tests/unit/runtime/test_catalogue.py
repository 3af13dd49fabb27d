# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

import pytest

from debstack.base.errors import ConfigurationError
from debstack.runtime.catalogue import read_catalogue, unknown

CATALOGUE = {
    "DEFAULT": {"debug": {"deprecated": False}},
    "glance_store": {"filesystem_store_datadir": {"deprecated": False}},
}


@pytest.mark.parametrize(
    ("section", "key", "problem"),
    [
        ("DEFAULT", "debug", ""),
        ("DEFAULT", "debugg", '[DEFAULT] debugg: unknown option (did you mean "debug"?)'),
        ("images", "filesystem-store-datadir", ""),
        ("glance_stroe", "x", '[glance_stroe] x: unknown section (did you mean "glance_store"?)'),
        ("moon", "x", "[moon] x: unknown section"),
    ],
)
def test_unknown_options_are_told_with_a_suggestion(section: str, key: str, problem: str) -> None:
    found = unknown(CATALOGUE, {"images": "glance_store"}, [(section, key)])
    assert found == ([problem] if problem else [])


def test_reading(tmp_path: Path) -> None:
    assert read_catalogue(tmp_path, "x") is None
    folder = tmp_path / "usr/share/debstack/options"
    folder.mkdir(parents=True)
    (folder / "x.json").write_text(json.dumps({"sections": CATALOGUE}))
    assert read_catalogue(tmp_path, "x") == CATALOGUE
    (folder / "x.json").write_text("{")
    with pytest.raises(ConfigurationError, match=r"x.json: cannot be read"):
        read_catalogue(tmp_path, "x")
