# SPDX-License-Identifier: Apache-2.0
"""A cache of its own for each test, and no command run by accident."""

from __future__ import annotations

from pathlib import Path

import pytest


class UnexpectedCommand(BaseException):
    """A command that a test did not ask for; no handler of errors may hide it."""


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the cache of this test."""
    path = tmp_path / "cache"
    monkeypatch.setenv("DEBSTACK_CACHE", str(path))
    return path


@pytest.fixture(autouse=True)
def no_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make running a command fail the test."""

    def refuse(*args: object, **_: object) -> None:
        raise UnexpectedCommand(args)

    monkeypatch.setattr("subprocess.run", refuse)
