# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from unit.runtime.making import install

from debstack.base.errors import DatabaseError
from debstack.runtime.graph import State, StepResult
from debstack.runtime.machine import read_machine
from debstack.runtime.plan import as_data, lines_of, verdict

PENDING = StepResult(id="config:x", state=State.PENDING, summaries=("write a", "write b"))
EXPECTED = StepResult(id="unit:x", state=State.EXPECTED, summaries=("start x",))
IN_ORDER = StepResult(id="keys:x", state=State.IN_ORDER)
FAILED = StepResult(
    id="database:x", state=State.FAILED, error=DatabaseError("down\n  more", hint="start it")
)
BLOCKED = StepResult(id="schema:x", state=State.BLOCKED, blocked_by=("database:x",))


@pytest.mark.parametrize(
    ("result", "lines"),
    [
        (PENDING, ["config:x:", "    write a", "    write b"]),
        (EXPECTED, ["unit:x: (as far as can be told now)", "    start x"]),
        (IN_ORDER, ["keys:x: in order"]),
        (FAILED, ["database:x: failed", "    down", "    more", "    hint: start it"]),
        (BLOCKED, ["schema:x: cannot be told: needs database:x"]),
    ],
)
def test_how_a_step_is_told(tmp_path: Path, result: StepResult, lines: list[str]) -> None:
    assert lines_of(read_machine(tmp_path), result) == lines


@pytest.mark.parametrize(
    ("results", "text"),
    [
        ([IN_ORDER], "in order: 1 step, nothing to do"),
        ([PENDING, EXPECTED], "3 changes in 2 steps to be made"),
        ([PENDING, FAILED, BLOCKED], "2 changes in 1 step to be made, 2 steps broken"),
    ],
)
def test_the_last_line(results: list[StepResult], text: str) -> None:
    assert verdict(results) == text


def test_no_password_is_shown(tmp_path: Path) -> None:
    install(tmp_path, "debstack", "keystone")
    (tmp_path / "etc/debstack").mkdir(parents=True)
    secrets = tmp_path / "etc/debstack/secrets.preseed"
    secrets.write_text("keystone keystone/database-password password hidden\n")
    machine = read_machine(tmp_path)
    leaky = StepResult(id="a", state=State.FAILED, error=DatabaseError("it said hidden"))
    assert as_data(machine, [leaky])[0]["error"] == "it said ****"
    assert lines_of(machine, leaky)[1] == "    it said ****"
