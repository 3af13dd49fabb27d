# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path

from benchmark.figure import Figure, beside, table, write
from benchmark.ours import step_seconds


def test_table_says_whether_targets_are_met() -> None:
    figures = [
        Figure(name="quick", value=1.0, unit="s", target=2),
        Figure(name="slow", value=3.0, unit="s", target=2),
        Figure(name="beside the peer", value=5.0, unit="s", peer=50.0),
        Figure(name="few", value=7.0, unit="/s", least=8.0, peer=8.0),
        Figure(name="many", value=8.0, unit="/s", least=8.0),
        Figure(name="peer failed: x", value=None, unit="", log="build/bench/x.log"),
    ]
    head, quick, slow, beside, few, many, failed = table(figures).splitlines()
    assert head.split() == ["figure", "value", "unit", "target", "peer", "ratio", "log"]
    assert quick.split() == ["quick", "1.00", "s", "2.00", "met"]
    assert slow.split() == ["slow", "3.00", "s", "2.00", "MISSED"]
    assert beside.split()[-2:] == ["50.00", "0.10"]
    assert few.split() == ["few", "7.00", "/s", "at", "least", "8.00", "MISSED", "8.00", "0.88"]
    assert many.split() == ["many", "8.00", "/s", "at", "least", "8.00", "met"]
    assert failed.split() == ["peer", "failed:", "x", "FAILED", "build/bench/x.log"]


def test_written_figures_are_json(tmp_path: Path) -> None:
    path = tmp_path / "bench" / "x.json"
    write([Figure(name="a", value=1.5, unit="s")], path)
    assert json.loads(path.read_text())[0]["value"] == 1.5


def test_seconds_of_steps_are_read_from_an_apply() -> None:
    output = (
        "debstack: database:glance/glance: create database glance (0.1 s)\n"
        "debstack: identity:catalogue: create 3 endpoints (with (brackets)) (1.2 s)\n"
        "debstack: done: 9 changes in 2 steps (3.4 s)\n"
    )
    assert step_seconds(output) == {"database:glance/glance": 0.1, "identity:catalogue": 1.2}


def test_the_peers_values_stand_beside_ours_and_what_it_alone_has_at_the_end() -> None:
    ours = [
        Figure(name="install", value=50, unit="s", target=60),
        Figure(name="a", value=1, unit=""),
    ]
    theirs = [Figure(name="install", value=100, unit="s"), Figure(name="repair", value=9, unit="s")]
    install, other, repair = beside(ours, theirs)
    assert (install.peer, install.ratio, install.target) == (100, 0.5, 60)
    assert other.peer is None
    assert (repair.name, repair.value) == ("repair", 9)
