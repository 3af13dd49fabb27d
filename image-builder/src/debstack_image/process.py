# SPDX-License-Identifier: Apache-2.0
"""Processes that run beside ours: a build in its namespaces, an emulator."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType

from debstack.base.errors import CommandError
from debstack.base.run import lean_environment

_GRACE_S = 10.0


class Interrupted(BaseException):
    """A signal asked this program to end; `code` is the exit code that says so."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.code = 128 + number


def raise_on_signals() -> None:
    """Turn the signals by which people and systems end programs into Interrupted, once."""

    def act(number: int, _: FrameType | None) -> None:
        for other in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(other, signal.SIG_IGN)
        raise Interrupted(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, act)


def python_argv(module: str) -> tuple[list[str], dict[str, str]]:
    """Return the command that runs one of our modules, and the environment it needs."""
    path = os.pathsep.join(entry for entry in sys.path if entry)
    return [sys.executable, "-m", module], {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}


class Companion:
    """A process in a session of its own, whose standard input is its lifeline.

    It ends when that is closed, be it by `stop` or because this process is gone.
    """

    def __init__(
        self, argv: Sequence[str], *, env: Mapping[str, str], log: Path | None = None
    ) -> None:
        stream = log.open("wb") if log else None
        try:
            self._child = subprocess.Popen(
                list(argv),
                stdin=subprocess.PIPE,
                stdout=stream,
                stderr=subprocess.STDOUT if stream else None,
                env=lean_environment(env),
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise CommandError(
                list(argv), 127, [], reason=f"{argv[0]}: not found", hint=None
            ) from error
        finally:
            if stream:
                stream.close()

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._child.pid

    def wait(self, timeout_s: float | None = None) -> int | None:
        """Return its exit code, None if it still runs after `timeout_s`."""
        try:
            return self._child.wait(timeout_s)
        except subprocess.TimeoutExpired:
            return None

    def stop(self) -> None:
        """Close its lifeline; kill it if it does not end by that."""
        assert self._child.stdin is not None  # noqa: S101 - it was asked for
        self._child.stdin.close()
        if self.wait(_GRACE_S) is None:
            self._child.kill()
            self._child.wait()

    def end(self) -> None:
        """Tell it to end, as people and systems do, and wait until it has."""
        self._child.terminate()
        self._child.wait()

    def kill(self) -> None:
        """End it at once."""
        self._child.kill()
        self._child.wait()
