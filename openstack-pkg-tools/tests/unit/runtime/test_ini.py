# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from oslo_config import cfg

from debstack.runtime.ini import escaped, parsed, rendered

PASSWORD = "a&b|c\\d\"e'f$g%h@i:j/k#l m=n;o`p"
PRINTABLE = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Zl", "Zp"]), min_size=1)


def as_oslo_reads(path: Path, text: str) -> cfg.ConfigOpts:
    path.write_text(text, encoding="utf-8")
    conf = cfg.ConfigOpts()
    conf.register_opts([cfg.StrOpt("password"), cfg.StrOpt("g"), cfg.MultiStrOpt("driver")])
    conf(["--config-file", str(path)], project="x", default_config_files=[])
    return conf


@given(PRINTABLE)
@example(PASSWORD)
@example("\\$g")
@example("$g")
@example("\\\\$$\\$")
@example('"quoted"')
@example("'")
@example(" blanks ")
@example("\u00a0")
@settings(
    deadline=None, max_examples=50, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_oslo_config_reads_what_was_written(tmp_path: Path, value: str) -> None:
    text = rendered("", {"DEFAULT": {"g": ["another"], "password": [escaped(value)]}})
    assert as_oslo_reads(tmp_path / "x.conf", text).password == value


def test_several_values_are_several_lines(tmp_path: Path) -> None:
    text = rendered("", {"DEFAULT": {"driver": ["a", "b"]}})
    assert as_oslo_reads(tmp_path / "x.conf", text).driver == ["a", "b"]


def test_default_comes_first_and_empty_sections_are_left_out() -> None:
    text = rendered(
        "Made by x.\n\nDo not edit.",
        {"b": {"flag": [True], "n": [4]}, "none": {}, "DEFAULT": {"k": ["v"]}},
    )
    assert text == (
        "# Made by x.\n#\n# Do not edit.\n\n[DEFAULT]\nk = v\n\n[b]\nflag = true\nn = 4\n"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a]\nx = 1\nx=2\n", {"a": {"x": ["1", "2"]}}),
        ("x: y\n", {"DEFAULT": {"x": ["y"]}}),
        ("[a]\n# x = 1\n; y = 2\n", {}),
        ("[a]\nx = 1\n  more\n\n  stray\n", {"a": {"x": ["1\nmore"]}}),
        ("[a]\nurl = mysql://a:b@c/d?e=f\n", {"a": {"url": ["mysql://a:b@c/d?e=f"]}}),
    ],
)
def test_parsed_sees_the_keys(text: str, found: dict[str, dict[str, list[str]]]) -> None:
    assert parsed(text) == found
