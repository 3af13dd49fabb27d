# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest

from debstack.base.errors import SpecError
from debstack.dh import series

TREE = Path(__file__).parents[4]
SOURCES = (
    "debian",
    "packages/ceilometer/debian",
    "packages/keystone/debian",
    "packages/neutron/debian",
    "packages/nova/debian",
)


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """What openstack-preseeds gets, of some sources."""
    for source in SOURCES:
        (tmp_path / "gathered" / source).mkdir(parents=True)
        for name in ("openstack.toml", "control"):
            shutil.copy(TREE / source / name, tmp_path / "gathered" / source)
    metapackages = TREE / "metapackages/debian/control"
    series.write_series(tmp_path / "gathered", metapackages, tmp_path / "out")
    return tmp_path / "out"


def test_a_compute_node_has_what_its_metapackage_brings(output: Path) -> None:
    roles = json.loads((output / "roles.json").read_text())["role"]
    assert {"nova-compute", "nova-common", "neutron-ovn-agent", "debstack"} <= set(roles["compute"])
    assert not {"nova-database", "nova-api", "keystone"} & set(roles["compute"])
    assert "keystone" in roles["controller"]


def test_of_alternatives_the_one_is_taken_that_comes_anyway(output: Path) -> None:
    roles = json.loads((output / "roles.json").read_text())["role"]
    assert {"nova-cell", "nova-conductor", "nova-consoleproxy"} <= set(roles["cell"])
    assert not {"nova-database", "nova-api", "keystone"} & set(roles["cell"])
    assert "nova-database" in roles["controller"]
    assert "nova-cell" not in roles["controller"]


def test_what_a_metapackage_suggests_stands_apart_from_what_it_brings(output: Path) -> None:
    read = json.loads((output / "roles.json").read_text())
    assert read["suggested"]["compute"] == {
        "ceilometer-agent-compute": ["ceilometer-agent-compute", "ceilometer-common"]
    }
    assert "ceilometer-common" not in read["role"]["compute"]


def test_every_package_has_its_manifest(output: Path) -> None:
    assert (output / "nova-compute.json").is_file()
    assert (output / "neutron-database.json").is_file()


def test_a_folder_without_declarations_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match=r"there is no openstack\.toml below it"):
        series.write_series(tmp_path, TREE / "metapackages/debian/control", tmp_path / "out")


def test_usage(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "argv", ["series", "one"])
    assert series.main() == 2
