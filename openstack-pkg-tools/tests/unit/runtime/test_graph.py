# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import pytest

from debstack.base.errors import DatabaseError, DatabaseUnavailable, DebstackError
from debstack.runtime.graph import Applier, Planner, State, StepResult, ordered, walk
from debstack.runtime.progress import Silent
from debstack.runtime.step import Change, Step


class Fake(Step):
    def __init__(
        self,
        name: str,
        needs: Sequence[str] = (),
        work: Callable[[], None] = lambda: None,
        summaries: Sequence[str] = ("change",),
        read: Callable[[], None] = lambda: None,
    ) -> None:
        self.id = name
        self.needs = frozenset(needs)
        self._work = work
        self._summaries = summaries
        self._read = read

    def changes(self) -> Sequence[Change]:
        self._read()
        return [Change(summary=summary, perform=self._work) for summary in self._summaries]

    def declared(self) -> Sequence[str]:
        return ["declared"]


def failing(error: DebstackError) -> Callable[[], None]:
    def fail() -> None:
        raise error

    return fail


def applied(steps: Sequence[Step], wait_s: float = 0) -> dict[str, StepResult]:
    applier = Applier(Silent(), wait_s=wait_s, masked=lambda text: text)
    return {result.id: result for result in walk(steps, applier)}


def planned(steps: Sequence[Step]) -> dict[str, StepResult]:
    return {result.id: result for result in walk(steps, Planner(Silent()))}


def test_what_is_needed_comes_first() -> None:
    done: list[str] = []
    steps = [
        Fake("c", ["b"], lambda: done.append("c")),
        Fake("b", ["a", "absent"], lambda: done.append("b")),
        Fake("a", [], lambda: done.append("a")),
    ]
    results = applied(steps)
    assert done == ["a", "b", "c"]
    assert {result.state for result in results.values()} == {State.CHANGED}


def test_independent_steps_run_at_the_same_time() -> None:
    meeting = threading.Barrier(3, timeout=5)
    names = ["a", "b", "c"]

    def meet() -> None:
        meeting.wait()

    results = applied([Fake(name, work=meet) for name in names])
    assert all(result.state is State.CHANGED for result in results.values())


def test_what_the_longest_way_waits_for_comes_first() -> None:
    done: list[str] = []

    def step(name: str, *needs: str) -> Step:
        return Fake(name, needs, lambda: done.append(name))

    steps = [step("short"), step("end", "middle"), step("middle", "long"), step("long")]
    applier = Applier(Silent(), wait_s=0, masked=lambda text: text)
    walk(steps, applier, jobs=1)
    assert done[0] == "long"


def test_what_nobody_waits_for_comes_last() -> None:
    done: list[str] = []

    def step(name: str, *needs: str, late: bool = False) -> Step:
        made = Fake(name, needs, lambda: done.append(name))
        made.late = late
        return made

    results = applied(
        [
            step("first", late=True),
            step("awaited", late=True),
            step("after-first", "first", late=True),
            step("a"),
            step("b", "a", "awaited"),
        ]
    )
    assert done.index("b") < done.index("first") < done.index("after-first")
    assert done.index("awaited") < done.index("b")
    assert {result.state for result in results.values()} == {State.CHANGED}


def test_what_comes_last_comes_where_others_have_failed() -> None:
    last = Fake("last")
    last.late = True
    results = applied([Fake("a", work=failing(DatabaseError("broken"))), last])
    assert results["last"].state is State.CHANGED


def test_a_failed_step_stops_its_dependents_only() -> None:
    results = applied(
        [
            Fake("a", work=failing(DatabaseError("broken"))),
            Fake("b", ["a"]),
            Fake("c", ["b"]),
            Fake("other"),
        ]
    )
    assert results["a"].state is State.FAILED
    assert results["b"].blocked_by == ("a",)
    assert results["c"].state is State.BLOCKED
    assert results["other"].state is State.CHANGED


def test_what_may_pass_is_tried_again() -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        if len(tries) < 3:
            raise DatabaseUnavailable("not yet")

    assert applied([Fake("a", work=work)], wait_s=5)["a"].state is State.CHANGED
    assert len(tries) == 3


def test_what_does_not_pass_fails_at_the_deadline() -> None:
    unavailable = failing(DatabaseUnavailable("down"))
    result = applied([Fake("a", work=unavailable)], wait_s=0.05)["a"]
    assert result.state is State.FAILED
    assert result.error is not None
    assert result.seconds < 1


def test_a_final_failure_is_not_tried_again() -> None:
    tries: list[int] = []

    def work() -> None:
        tries.append(1)
        raise DatabaseError("no")

    applied([Fake("a", work=work)], wait_s=5)
    assert len(tries) == 1


def test_a_step_without_changes_is_in_order() -> None:
    assert applied([Fake("a", summaries=())])["a"].state is State.IN_ORDER


def test_a_bug_ends_the_walk() -> None:
    def bug() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        applied([Fake("a", work=bug)])


def test_a_circle_and_twins_are_refused() -> None:
    with pytest.raises(ValueError, match="circle: a, b"):
        ordered([Fake("a", ["b"]), Fake("b", ["a"])])
    with pytest.raises(ValueError, match=r"twice: \['a'\]"):
        ordered([Fake("a"), Fake("a")])


def test_a_plan_reads_where_it_can_and_else_tells_what_is_declared() -> None:
    performed: list[str] = []
    steps = [
        Fake("files:site", work=lambda: performed.append("x")),
        Fake("database:a", ["files:site"], summaries=["create database a"]),
        Fake("schema:a", ["database:a", "files:site"]),
        Fake("unit:a", ["schema:a"]),
        Fake("other:b", ["files:site"], summaries=()),
    ]
    results = planned(steps)
    assert performed == []
    assert results["database:a"].summaries == ("create database a",)
    assert results["schema:a"].state is State.EXPECTED
    assert results["schema:a"].summaries == ("declared",)
    assert results["unit:a"].state is State.EXPECTED
    assert results["other:b"].state is State.IN_ORDER


def test_a_plan_that_cannot_read_behind_a_pending_step_is_no_failure() -> None:
    unreadable = failing(DatabaseError("no such database"))
    pending = planned([Fake("config:a"), Fake("schema:a", ["config:a"], read=unreadable)])
    assert pending["schema:a"].state is State.EXPECTED
    settled = planned(
        [Fake("config:a", summaries=()), Fake("schema:a", ["config:a"], read=unreadable)]
    )
    assert settled["schema:a"].state is State.FAILED
