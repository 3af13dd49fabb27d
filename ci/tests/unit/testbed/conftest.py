# SPDX-License-Identifier: Apache-2.0
"""Everything below a scratch folder; no command is run and nothing of the host is looked at."""

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("DEBSTACK_CACHE", str(tmp_path / "cache"))
    for module in ("places", "bed", "machine", "stage", "sweep", "cli"):
        monkeypatch.setattr(f"testbed.{module}.STATE", tmp_path / "state", raising=False)
    return tmp_path
