# SPDX-License-Identifier: Apache-2.0
"""Telling how an apply goes, on standard error: plain lines, or a live line on a terminal."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Sequence
from typing import TextIO

from debstack.base.errors import DebstackError
from debstack.runtime.graph import State, StepResult

_REFRESH_S = 0.1
_TOLD_AGAIN_S = 10.0
_CLEAR_LINE = "\r\x1b[K"
_COLOURS = {State.CHANGED: "32", State.FAILED: "31", State.BLOCKED: "33", State.IN_ORDER: "2"}


def outcome_text(result: StepResult) -> str:
    """Return what came of a step, in words, without its id and time."""
    if result.state is State.CHANGED:
        return "; ".join(result.summaries)
    if result.state is State.BLOCKED:
        needs = ", ".join(result.blocked_by)
        return f"not reached: needs {needs}" if needs else "stopped"
    if result.state is State.FAILED and result.summaries:
        return f"failed after: {'; '.join(result.summaries)}"
    return result.state.value


def plural(number: int, noun: str) -> str:
    """Return `1 step`, `2 steps`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def summary(results: Sequence[StepResult], seconds: float) -> str:
    """Return the last line of an apply."""
    changes = sum(len(result.summaries) for result in results)
    changed = sum(1 for result in results if result.summaries)
    failed = sum(1 for result in results if result.state is State.FAILED)
    blocked = sum(1 for result in results if result.state is State.BLOCKED)
    if failed or blocked:
        not_reached = f", {blocked} not reached" if blocked else ""
        return (
            f"not done: {plural(failed, 'step')} failed{not_reached}"
            f" ({plural(changes, 'change')} made, {seconds:.1f} s)"
        )
    if not changes:
        return f"nothing to do: {plural(len(results), 'step')} in order ({seconds:.1f} s)"
    return f"done: {plural(changes, 'change')} in {plural(changed, 'step')} ({seconds:.1f} s)"


class Silent:
    """Tells nothing."""

    def started(self, step_id: str) -> None:
        """See Observer."""

    def waiting(self, step_id: str, error: DebstackError, remaining_s: float) -> None:
        """See Observer."""

    def finished(self, result: StepResult) -> None:
        """See Observer."""

    def close(self) -> None:
        """See Plain."""


class Plain:
    """One line for each finished step; for dpkg, logs and pipes."""

    def __init__(self, stream: TextIO, prefix: str = "debstack: ") -> None:
        self._stream = stream
        self._prefix = prefix
        self._lock = threading.Lock()
        self._told: dict[str, float] = {}

    def _line(self, text: str) -> None:
        with self._lock:
            print(f"{self._prefix}{text}", file=self._stream, flush=True)

    def started(self, step_id: str) -> None:
        """See Observer."""

    def waiting(self, step_id: str, error: DebstackError, remaining_s: float) -> None:
        """See Observer; told once and then every ten seconds."""
        now = time.monotonic()
        if now - self._told.get(step_id, -_TOLD_AGAIN_S) < _TOLD_AGAIN_S:
            return
        self._told[step_id] = now
        first = error.message.splitlines()[0]
        self._line(f"{step_id}: waiting for up to {remaining_s:.0f} s: {first}")

    def finished(self, result: StepResult) -> None:
        """See Observer."""
        self._line(f"{result.id}: {outcome_text(result)} ({result.seconds:.1f} s)")

    def close(self) -> None:
        """End what is being shown; called once, at the end."""


class Live:
    """Finished steps scroll by; the last line shows what is being worked on."""

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        self._stream = stream
        self._colour = colour
        self._lock = threading.Lock()
        self._running: dict[str, float] = {}
        self._notes: dict[str, str] = {}
        self._finished = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._refresh, daemon=True)
        self._thread.start()

    def _painted(self, text: str, state: State) -> str:
        code = _COLOURS.get(state)
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour and code else text

    def _status(self) -> str:
        now = time.monotonic()
        parts = [
            f"{step_id} {now - began:.1f} s{self._notes.get(step_id, '')}"
            for step_id, began in self._running.items()
        ]
        try:
            width = os.get_terminal_size(self._stream.fileno()).columns
        except OSError:
            width = 80
        return f"{self._finished} done; {', '.join(parts)}"[: width - 1]

    def _refresh(self) -> None:
        while not self._ended.wait(_REFRESH_S):
            with self._lock:
                self._stream.write(_CLEAR_LINE + self._status())
                self._stream.flush()

    def started(self, step_id: str) -> None:
        """See Observer."""
        with self._lock:
            self._running[step_id] = time.monotonic()

    def waiting(self, step_id: str, error: DebstackError, remaining_s: float) -> None:
        """See Observer."""
        with self._lock:
            self._notes[step_id] = f" (waiting: {error.message.splitlines()[0]})"

    def finished(self, result: StepResult) -> None:
        """See Observer."""
        text = f"{result.seconds:6.1f} s  {result.id}: {outcome_text(result)}"
        with self._lock:
            self._running.pop(result.id, None)
            self._finished += 1
            self._stream.write(f"{_CLEAR_LINE}{self._painted(text, result.state)}\n")
            self._stream.flush()

    def close(self) -> None:
        """Take the live line away."""
        self._ended.set()
        self._thread.join()
        self._stream.write(_CLEAR_LINE)
        self._stream.flush()


Display = Plain | Live | Silent


def display(*, quiet: bool = False, in_dpkg: bool = False) -> Display:
    """Return what suits standard error; NO_COLOR takes the colours away."""
    if quiet:
        return Silent()
    if in_dpkg or not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return Plain(sys.stderr)
    return Live(sys.stderr, colour=not os.environ.get("NO_COLOR"))
