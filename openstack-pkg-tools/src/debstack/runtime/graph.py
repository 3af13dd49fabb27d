# SPDX-License-Identifier: Apache-2.0
"""Running steps in parallel, in the order of what they need; or only asking what they would do."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from debstack.base.errors import DebstackError, Retriable
from debstack.runtime.step import Step

JOBS = 8
_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0


class State(StrEnum):
    """How a step stands after it was applied or planned."""

    IN_ORDER = "in order"
    #: Applied: it made changes.
    CHANGED = "changed"
    #: Planned: it would make these changes.
    PENDING = "pending"
    #: Planned: reality cannot be read yet; this is what it does on an empty machine.
    EXPECTED = "expected"
    FAILED = "failed"
    #: Something it needs has failed.
    BLOCKED = "blocked"


UNSETTLED = frozenset({State.PENDING, State.EXPECTED})
BROKEN = frozenset({State.FAILED, State.BLOCKED})


@dataclass(frozen=True, slots=True, kw_only=True)
class StepResult:
    """What came of a step."""

    id: str
    state: State
    summaries: tuple[str, ...] = ()
    seconds: float = 0.0
    error: DebstackError | None = None
    #: For a blocked step: what has failed among all that it needs, near or far.
    blocked_by: tuple[str, ...] = ()


class Observer(Protocol):
    """Whoever is told how it goes; called from several threads."""

    def started(self, step_id: str) -> None:
        """Note that the step is being worked on."""
        ...

    def waiting(self, step_id: str, error: DebstackError, remaining_s: float) -> None:
        """Note that the step waits for `error` to pass, for at most `remaining_s` more seconds."""
        ...

    def finished(self, result: StepResult) -> None:
        """Note what came of a step."""
        ...


Act = Callable[[Step, Sequence[StepResult]], StepResult]


def ordered(steps: Sequence[Step]) -> list[Step]:
    """Return `steps`, each after what it needs. Raises ValueError for a cycle or twins."""
    by_id = {step.id: step for step in steps}
    if len(by_id) != len(steps):
        ids = [step.id for step in steps]
        raise ValueError(f"step ids used twice: {sorted({i for i in ids if ids.count(i) > 1})}")
    placed: dict[str, Step] = {}
    waiting = dict(by_id)
    while waiting:
        free = [s for s in waiting.values() if not any(need in waiting for need in s.needs)]
        if not free:
            raise ValueError(f"steps need each other in a circle: {', '.join(sorted(waiting))}")
        for step in free:
            placed[step.id] = waiting.pop(step.id)
    return list(placed.values())


def _heights(line: Sequence[Step]) -> dict[str, int]:
    """Return for each step of `line`, which is ordered, how many come after it, one by one."""
    heights = {step.id: 0 for step in line}
    for step in reversed(line):
        for need in step.needs & heights.keys():
            heights[need] = max(heights[need], heights[step.id] + 1)
    return heights


def _late(line: Sequence[Step]) -> set[str]:
    """Return the ids of the steps of `line`, which is ordered, that come last: see Step.late."""
    late: set[str] = set()
    awaited: set[str] = set()
    for step in reversed(line):
        if step.late and step.id not in awaited:
            late.add(step.id)
        else:
            awaited |= step.needs
    return late


def _settled(
    running: Mapping[Future[StepResult], Step], results: dict[str, StepResult]
) -> list[Future[StepResult]]:
    done, _ = wait(running, return_when=FIRST_COMPLETED)
    for future in done:
        results[running[future].id] = future.result()
    return list(done)


def _run_all(
    line: Sequence[Step], act: Act, pool: ThreadPoolExecutor, results: dict[str, StepResult]
) -> None:
    ids = {step.id for step in line}
    late = _late(line)
    heights = _heights(line)
    # What the longest way waits for comes first.
    waiting = sorted(line, key=lambda step: -heights[step.id])
    running: dict[Future[StepResult], Step] = {}
    while waiting or running:
        free = [step for step in waiting if all(need in results for need in step.needs & ids)]
        if not ids - late <= results.keys():
            free = [step for step in free if step.id not in late]
        for step in free:
            waiting.remove(step)
            needed = [results[need] for need in sorted(step.needs & ids)]
            running[pool.submit(act, step, needed)] = step
        for future in _settled(running, results):
            del running[future]


def walk(
    steps: Sequence[Step],
    act: Act,
    *,
    stop: Callable[[], None] = lambda: None,
    jobs: int = JOBS,
) -> list[StepResult]:
    """Call `act` on each step once all it needs has a result; return the results in order.

    An exception that `act` raises (a bug) and an interruption end the walk once the running steps
    have ended; `stop` is called to make them end soon.
    """
    line = ordered(steps)
    results: dict[str, StepResult] = {}
    with ThreadPoolExecutor(max_workers=jobs, thread_name_prefix="step") as pool:
        try:
            _run_all(line, act, pool, results)
        except BaseException:
            stop()
            raise
    return [results[step.id] for step in line]


def _blocked(step: Step, needed: Sequence[StepResult]) -> StepResult | None:
    failed = {result.id for result in needed if result.state is State.FAILED}
    failed |= {name for result in needed for name in result.blocked_by}
    if not failed:
        return None
    return StepResult(id=step.id, state=State.BLOCKED, blocked_by=tuple(sorted(failed)))


class Applier:
    """Makes reality as declared, one step at a call; waits up to `wait_s` for what may pass."""

    def __init__(self, observer: Observer, *, wait_s: float, masked: Callable[[str], str]) -> None:
        self._observer = observer
        self._wait_s = wait_s
        self._masked = masked
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Make waiting steps give up at once, and begin no further one."""
        self._stopped.set()

    def _attempt(self, step: Step, done: list[str]) -> None:
        for change in step.changes():
            change.perform()
            done.append(change.summary)

    def _until_done(self, step: Step, done: list[str]) -> DebstackError | None:
        deadline = time.monotonic() + self._wait_s
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                self._attempt(step, done)
                return None
            except DebstackError as error:
                remaining_s = deadline - time.monotonic()
                if not isinstance(error, Retriable) or remaining_s <= 0 or self._stopped.is_set():
                    return error
                self._observer.waiting(step.id, error, remaining_s)
                self._stopped.wait(min(pause_s, remaining_s))
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    def __call__(self, step: Step, needed: Sequence[StepResult]) -> StepResult:
        """Return what came of applying `step`."""
        blocked = _blocked(step, needed)
        if blocked is None and self._stopped.is_set():
            blocked = StepResult(id=step.id, state=State.BLOCKED)
        if blocked is not None:
            self._observer.finished(blocked)
            return blocked
        self._observer.started(step.id)
        began = time.monotonic()
        done: list[str] = []
        error = self._until_done(step, done)
        state = State.FAILED if error else State.CHANGED if done else State.IN_ORDER
        result = StepResult(
            id=step.id,
            state=state,
            summaries=tuple(self._masked(summary) for summary in done),
            seconds=time.monotonic() - began,
            error=error,
        )
        self._observer.finished(result)
        return result


class Planner:
    """Asks what a step would do, and changes nothing."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer

    def _read(self, step: Step, needed: Sequence[StepResult]) -> StepResult:
        unsettled = [result for result in needed if result.state in UNSETTLED]
        expected = StepResult(id=step.id, state=State.EXPECTED, summaries=tuple(step.declared()))
        if any(result.id.partition(":")[0] not in step.reads_past for result in unsettled):
            return expected
        try:
            summaries = tuple(change.summary for change in step.changes())
        except DebstackError as error:
            if unsettled:
                return expected
            return StepResult(id=step.id, state=State.FAILED, error=error)
        state = State.PENDING if summaries else State.IN_ORDER
        return StepResult(id=step.id, state=state, summaries=summaries)

    def __call__(self, step: Step, needed: Sequence[StepResult]) -> StepResult:
        """Return what `step` would do."""
        result = _blocked(step, needed)
        if result is None:
            self._observer.started(step.id)
            result = self._read(step, needed)
        self._observer.finished(result)
        return result
