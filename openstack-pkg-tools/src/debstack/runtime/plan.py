# SPDX-License-Identifier: Apache-2.0
"""debstack plan and status: what apply would do, whether all is in order. Changes nothing."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from debstack.base.main import FAILURE, OK
from debstack.runtime import defer
from debstack.runtime.assemble import steps_of, without_secrets
from debstack.runtime.graph import BROKEN, UNSETTLED, Planner, State, StepResult, walk
from debstack.runtime.machine import Machine, read_machine, require_root
from debstack.runtime.progress import Silent, plural

_ROOT = Path("/")


def planned(machine: Machine) -> list[StepResult]:
    """Return what apply would do on `machine`, step by step. Raises DebstackError."""
    return walk(steps_of(machine), Planner(Silent()))


def as_data(machine: Machine, results: Sequence[StepResult]) -> list[dict[str, object]]:
    """Return `results` as plain data, secrets masked."""
    return [
        {
            "step": result.id,
            "state": result.state.value,
            "changes": [without_secrets(machine, text) for text in result.summaries],
            "error": without_secrets(machine, result.error.message) if result.error else None,
            "hint": result.error.hint if result.error else None,
            "blocked-by": list(result.blocked_by),
        }
        for result in results
    ]


def lines_of(machine: Machine, result: StepResult) -> list[str]:
    """Return how `result` is told: the step, and indented what is to be said of it."""
    if result.state is State.IN_ORDER:
        return [f"{result.id}: in order"]
    if result.state is State.BLOCKED:
        return [f"{result.id}: cannot be told: needs {', '.join(result.blocked_by)}"]
    if result.error is not None:
        lines = [f"{result.id}: failed", *result.error.message.splitlines()]
        if result.error.hint:
            lines.append(f"hint: {result.error.hint}")
    else:
        suffix = " (as far as can be told now)" if result.state is State.EXPECTED else ""
        lines = [f"{result.id}:{suffix}", *result.summaries]
    first, *rest = [without_secrets(machine, line) for line in lines]
    return [first, *(f"    {line.strip()}" for line in rest)]


def verdict(results: Sequence[StepResult]) -> str:
    """Return the last line of plan and status."""
    pending = [result for result in results if result.state in UNSETTLED]
    broken = [result for result in results if result.state in BROKEN]
    if not pending and not broken:
        return f"in order: {plural(len(results), 'step')}, nothing to do"
    changes = sum(len(result.summaries) for result in pending)
    told = f"{plural(changes, 'change')} in {plural(len(pending), 'step')} to be made"
    return f"{told}, {plural(len(broken), 'step')} broken" if broken else told


def _show(machine: Machine, results: Sequence[StepResult], *, everything: bool) -> None:
    for result in results:
        if everything or result.state is not State.IN_ORDER:
            print("\n".join(lines_of(machine, result)))
    print(verdict(results))


def _read() -> Machine:
    require_root()
    machine = read_machine(_ROOT)
    for warning in machine.warnings:
        print(f"debstack: warning: {warning}", file=sys.stderr)
    return machine


def plan(*, as_json: bool = False) -> int:
    """Print what apply would do; return the exit code (3 if something cannot be told)."""
    machine = _read()
    results = planned(machine)
    if as_json:
        print(json.dumps(as_data(machine, results), indent=1, ensure_ascii=False))
    else:
        _show(machine, results, everything=False)
    return FAILURE if any(result.state in BROKEN for result in results) else OK


def status(*, as_json: bool = False) -> int:
    """Print how every step stands; return 0 if all is in order, else 3."""
    machine = _read()
    results = planned(machine)
    pending = (_ROOT / defer.PENDING.lstrip("/")).exists()
    in_order = all(result.state is State.IN_ORDER for result in results) and not pending
    if as_json:
        told = {"in-order": in_order, "deferred": pending, "steps": as_data(machine, results)}
        print(json.dumps(told, indent=1, ensure_ascii=False))
    else:
        _show(machine, results, everything=True)
        if pending:
            print("work is left for the next boot; to do it now: debstack apply")
    return OK if in_order else FAILURE
