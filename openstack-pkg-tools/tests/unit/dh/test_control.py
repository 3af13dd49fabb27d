# SPDX-License-Identifier: Apache-2.0
"""The binary packages of debian/control."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.spec.declaring import TREE

from debstack.base.errors import SpecError
from debstack.dh.control import binaries


def test_the_binaries_of_the_toolkit() -> None:
    found = binaries(TREE / "debian/control")
    assert found == {"debstack", "dh-openstack", "python3-debstack"}


def test_outside_a_source_package(tmp_path: Path) -> None:
    with pytest.raises(SpecError, match="is this a source package"):
        binaries(tmp_path / "control")
