# SPDX-License-Identifier: Apache-2.0
"""No command is run by accident."""

from __future__ import annotations

import pytest


class UnexpectedCommand(BaseException):
    """A command that a test did not ask for; no handler of errors may hide it."""


@pytest.fixture
def commands() -> None:
    """Let the test run commands."""


@pytest.fixture(autouse=True)
def no_commands(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make running a command fail the test, unless it asks for `commands`."""
    if "commands" in request.fixturenames:
        return

    def refuse(*args: object, **_: object) -> None:
        raise UnexpectedCommand(args)

    monkeypatch.setattr("subprocess.run", refuse)
    monkeypatch.setattr("subprocess.Popen", refuse)
