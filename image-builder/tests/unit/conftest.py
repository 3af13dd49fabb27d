# SPDX-License-Identifier: Apache-2.0
"""No command is run by accident."""

from __future__ import annotations

import pytest


class UnexpectedCommand(BaseException):
    """A command that a test did not ask for; no handler of errors may hide it."""


@pytest.fixture(autouse=True)
def no_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make running a command fail the test."""

    def refuse(*args: object, **_: object) -> None:
        raise UnexpectedCommand(args)

    monkeypatch.setattr("subprocess.run", refuse)
    monkeypatch.setattr("subprocess.Popen", refuse)
