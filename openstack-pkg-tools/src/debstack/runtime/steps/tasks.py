# SPDX-License-Identifier: Apache-2.0
"""task:<binary>/<name>: settings that programs of other packages keep, such as Open vSwitch's."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

from debstack.base.errors import CommandError
from debstack.base.run import run
from debstack.runtime import systemd
from debstack.runtime.context import Context
from debstack.runtime.step import Change, Step
from debstack.runtime.substitution import holds, verbatim
from debstack.spec.vocabulary import Manifest, Task

TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedTask:
    """A declared task with its references filled in."""

    summary: str
    probe: tuple[str, ...]
    expect: str
    command: tuple[str, ...]
    services: tuple[str, ...]


def wanted_task(context: Context, manifest: Manifest, task: Task) -> WantedTask | None:
    """Return `task` filled in; None where it has no place on this machine."""
    if not holds(context.site, manifest, task.when):
        return None
    texts = [task.summary, task.expect, *task.probe, *task.command]
    found = [verbatim(context.site, manifest, text) for text in texts]
    filled = [text for text in found if text is not None]
    if len(filled) < len(texts):
        return None
    summary, expect, *words = filled
    return WantedTask(
        summary=summary,
        expect=expect.strip(),
        probe=tuple(words[: len(task.probe)]),
        command=tuple(words[len(task.probe) :]),
        services=task.services,
    )


class TaskStep(Step):
    """One task; those of a package are done one after the other."""

    reads_past = Step.reads_past | {"tls"}

    def __init__(
        self, name: str, before: Iterable[str], wanted: WantedTask, first: Iterable[str] = ()
    ) -> None:
        self.id = f"task:{name}"
        self.needs = frozenset({"files:site", *first, *(f"task:{other}" for other in before)})
        self._wanted = wanted

    def _in_order(self) -> bool:
        # Where the thing itself is not there yet, the probe fails.
        told = run(self._wanted.probe, check=False, timeout_s=TIMEOUT_S)
        return told.code == 0 and told.stdout.strip() == self._wanted.expect

    def _perform(self) -> None:
        run(self._wanted.command, timeout_s=TIMEOUT_S)
        if not self._in_order():
            told = run(self._wanted.probe, check=False, timeout_s=TIMEOUT_S)
            raise CommandError(
                self._wanted.command,
                told.code,
                (told.stdout + told.stderr).splitlines(),
                reason=f"{self._wanted.summary}: done, and yet {self._wanted.probe[0]} prints"
                f" something else than {self._wanted.expect}",
                hint="see what keeps it from being so; then run: debstack apply",
            )

    def changes(self) -> Sequence[Change]:
        """See Step. Raises CommandError."""
        found: list[Change] = []
        for service in self._wanted.services:
            if systemd.unit_state(service).active != "active":
                start = partial(systemd.bring_up, service, "start")
                found.append(Change(summary=f"start {service}", perform=start))
        if found or not self._in_order():
            found.append(Change(summary=self._wanted.summary, perform=self._perform))
        return found

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [self._wanted.summary]


def task_ids(manifest: Manifest) -> list[str]:
    """Return the ids of the steps of a package's tasks, those with no place here included."""
    return [f"task:{manifest.binary}/{name}" for name in manifest.package.task]


def _first(context: Context) -> tuple[str, ...]:
    """Return the step that shows whether the rest of the cloud is there, if that is elsewhere.

    Where it is not, that is told once, at once, and not by each task that waits for it in vain.
    """
    elsewhere = any(not account.broker.local for account in context.site.messaging.values())
    return ("messaging:rabbitmq",) if elsewhere else ()


def build(context: Context) -> list[Step]:
    """Return a step for each task that packages of this machine declare, and that has a place."""
    steps: list[Step] = []
    first = _first(context)
    for manifest in context.manifests:
        before: list[str] = []
        for key, task in manifest.package.task.items():
            wanted = wanted_task(context, manifest, task)
            if wanted is not None:
                name = f"{manifest.binary}/{key}"
                access = [f"ceph:{manifest.source}"] if manifest.package.ceph else []
                access += [f"tls:{manifest.source}"]
                steps.append(TaskStep(name, [*before, *task.after], wanted, [*first, *access]))
                before = [name]
    return steps
