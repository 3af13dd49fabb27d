# SPDX-License-Identifier: Apache-2.0
import os
import time
from pathlib import Path

import pytest

from testbed import sweep
from testbed.places import cache, write_json

DAYS = 86400.0


@pytest.fixture(autouse=True)
def no_command(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweep, "remove_tree", lambda path: path.rmdir())


def layer(name: str, *, age_s: float) -> Path:
    path = cache() / name
    path.mkdir()
    os.utime(path, (time.time() - age_s, time.time() - age_s))
    return path


def test_layers_that_nothing_has_used_for_long_go() -> None:
    old = layer("base-1", age_s=30 * DAYS)
    half = layer("partial-base-2", age_s=30 * DAYS)
    layer("base-3", age_s=1 * DAYS)
    layer("nodes", age_s=30 * DAYS)
    assert sweep.remove_unused_layers() == [old, half]


def test_a_base_made_long_ago_and_used_today_stays() -> None:
    layer("base-1", age_s=30 * DAYS).with_suffix(".used").touch()
    assert sweep.remove_unused_layers() == []


def test_what_a_stage_lies_on_stays(scratch: Path) -> None:
    base = layer("base-1", age_s=30 * DAYS)
    lists = layer("lists-1", age_s=30 * DAYS)
    (lists / "layer").mkdir()
    os.utime(lists, (0, 0))
    write_json(cache("stages") / "one.json", [str(lists / "layer"), str(base)])
    assert sweep.remove_unused_layers() == []


def test_a_testbed_is_found_by_any_of_its_traces(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (scratch / "state" / "a").mkdir(parents=True)
    write_json(scratch / "state" / "a" / "bed.json", {})
    (cache("nodes") / "b.one.12345678").mkdir()
    monkeypatch.setattr("testbed.network.namespaces", lambda: ["debstack-testbed.c.net.default"])
    assert sweep.beds() == ["a", "b", "c"]
