# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import io

import pytest

from debstack.base.errors import DatabaseUnavailable
from debstack.runtime.graph import State, StepResult
from debstack.runtime.progress import Live, Plain, summary

CHANGED = StepResult(id="a", state=State.CHANGED, summaries=("one", "two"), seconds=0.34)
IN_ORDER = StepResult(id="b", state=State.IN_ORDER)
FAILED = StepResult(id="c", state=State.FAILED, error=DatabaseUnavailable("down"))
BLOCKED = StepResult(id="d", state=State.BLOCKED, blocked_by=("c",))


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ([IN_ORDER, IN_ORDER], "nothing to do: 2 steps in order (0.4 s)"),
        ([CHANGED, IN_ORDER], "done: 2 changes in 1 step (0.4 s)"),
        (
            [CHANGED, FAILED, BLOCKED],
            "not done: 1 step failed, 1 not reached (2 changes made, 0.4 s)",
        ),
    ],
)
def test_the_last_line(results: list[StepResult], text: str) -> None:
    assert summary(results, 0.4) == text


def test_plain_is_one_line_for_each_step() -> None:
    stream = io.StringIO()
    plain = Plain(stream)
    for result in (CHANGED, IN_ORDER, BLOCKED):
        plain.finished(result)
    assert stream.getvalue() == (
        "debstack: a: one; two (0.3 s)\n"
        "debstack: b: in order (0.0 s)\n"
        "debstack: d: not reached: needs c (0.0 s)\n"
    )


def test_waiting_is_told_once_in_a_while() -> None:
    stream = io.StringIO()
    plain = Plain(stream)
    for _ in range(3):
        plain.waiting("a", DatabaseUnavailable("MariaDB is down\nmore"), 29.6)
    assert stream.getvalue() == "debstack: a: waiting for up to 30 s: MariaDB is down\n"


def test_a_live_display_without_colour_has_none() -> None:
    stream = io.StringIO()
    live = Live(stream, colour=False)
    live.started("a")
    live.finished(CHANGED)
    live.close()
    assert "a: one; two\n" in stream.getvalue()
    assert "\x1b[3" not in stream.getvalue()
