# SPDX-License-Identifier: Apache-2.0
"""unit:<name> and timer:<name>: services that run what is installed and configured, and answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

from debstack.runtime import freshness, health, systemd
from debstack.runtime.context import Context
from debstack.runtime.files import WantedFile, difference, write
from debstack.runtime.sizing import wsgi_processes
from debstack.runtime.step import Change, Step
from debstack.runtime.steps.tasks import task_ids
from debstack.runtime.substitution import holds
from debstack.runtime.urls import bracketed
from debstack.spec.vocabulary import Manifest, Unit, UnitKind

#: Where a whole cloud starts on two slow processors, the slowest of them needs most of a minute: no
#: less than for the start itself, since one that dies is not waited for.
HEALTH_DEADLINE_S = 300.0
INI = "50-debstack.ini"
#: An empty file for each unit that runs with certain answers only: a condition in the unit.
MARKS = "/var/lib/debstack/units"


def uwsgi_ini(context: Context, manifest: Manifest, name: str) -> str:
    """Return the text of the drop-in that says where the service listens, and its processes."""
    unit = manifest.package.unit[name]
    units = sum(
        1
        for other in context.manifests
        for found in other.package.unit.values()
        if found.kind is UnitKind.WSGI
    )
    processes = wsgi_processes(
        cpus=context.site.cpus,
        memory_mib=context.site.memory_mib,
        units=units,
        process_memory_mib=unit.process_memory_mib,
        max_processes=unit.max_processes,
    )
    folder = f"/etc/{manifest.user}/{name}-uwsgi.d"
    return f"""\
# Made by debstack, from the answers in /etc/debstack and the size of this machine.
# It is overwritten: do not edit it. To change something, put it into
# {folder}/90-local.ini, which is read after this file, then run: debstack apply
[uwsgi]
http-socket = {bracketed(context.site.bind_address)}:{unit.port}
processes = {processes}
"""


def needs_of(context: Context, manifest: Manifest, unit: Unit, name: str) -> frozenset[str]:
    """Return what comes before a unit: all of its own source's, and the catalogue for most."""
    needs = {"files:site", "front:haproxy", "messaging:rabbitmq", "cache:memcached"}
    needs |= {f"schema:{manifest.source}/{key}" for key in unit.databases}
    needs |= {f"unit:{other}" for other in unit.after}
    provides_identity = False
    for other in context.manifests:
        if other.source == manifest.source:
            needs |= {f"config:{key}" for key in other.package.config}
            needs |= {f"rows:{other.source}/{row.database}" for row in other.package.row}
            needs |= set(task_ids(other))
            needs |= {f"keys:{key}" for key in other.package.key_repository}
            needs |= {f"rings:{other.source}"} if other.package.rings else set()
            needs |= {f"ceph:{other.source}"} if other.package.ceph else set()
            needs |= {f"tls:{other.source}"} if other.package.certificate else set()
            needs |= {f"cells:{other.source}"} if other.package.cells else set()
            bootstrap = other.package.bootstrap
            provides_identity = provides_identity or bootstrap is not None
    if not provides_identity:
        needs.add("identity:catalogue")
    return frozenset(needs)


class UnitStep(Step):
    """A service that is to run."""

    #: Of what it needs, only configuration that is about to change makes it start anew.
    reads_past = frozenset(
        {"bootstrap", "cache", "database", "files", "front", "identity", "keys", "messaging"}
        | {"rings", "rows", "schema", "task", "tls", "unit"}
    )

    def __init__(self, context: Context, manifest: Manifest, name: str) -> None:
        unit = manifest.package.unit[name]
        self.id = f"unit:{name}"
        self.needs = needs_of(context, manifest, unit, name)
        self._context = context
        self._manifest = manifest
        self._name = name
        self._unit = unit
        self._service = f"{name}.service"
        # A daemon that does not tell when it is ready loads its code after systemctl has returned.
        at_once = "ExecStartPre" not in unit.service and unit.service.get("Type", "exec") == "exec"
        self.late = unit.kind is UnitKind.DAEMON and at_once
        self._wanted = holds(context.site, manifest, unit.when)
        self._mark = context.path(f"{MARKS}/{name}")

    def _ini(self) -> WantedFile | None:
        if self._unit.kind is not UnitKind.WSGI:
            return None
        folder = f"/etc/{self._manifest.user}/{self._name}-uwsgi.d"
        return WantedFile(
            path=self._context.path(f"{folder}/{INI}"),
            content=uwsgi_ini(self._context, self._manifest, self._name),
        )

    def _read(self, state: systemd.UnitState) -> Iterator[Path]:
        yield from freshness.configuration(self._context, self._manifest, self._name)
        yield from freshness.code(self._context, self._manifest)
        yield from state.files

    def _bring_up(self, verb: str) -> None:
        systemd.bring_up(self._service, verb)
        if self._unit.kind is UnitKind.WSGI:
            self._await_health()

    def _await_health(self) -> None:
        if not health.problem(*self._place()):
            return
        invocation = systemd.unit_state(self._service).invocation

        def died() -> bool:
            state = systemd.unit_state(self._service)
            return state.invocation != invocation or state.since is None

        found = health.wait_until_good(*self._place(), deadline_s=HEALTH_DEADLINE_S, in_vain=died)
        if found:
            raise systemd.not_up(self._service, found)

    def _place(self) -> tuple[str, int, str]:
        return self._context.site.bind_address, self._unit.port, self._unit.health_path

    def _running(self, state: systemd.UnitState, ini_differs: bool) -> list[Change]:
        """Return what a running unit needs: nothing, a restart, or time until it answers."""
        restart = partial(self._bring_up, "restart")
        if ini_differs:
            return [Change(summary=f"restart {self._name}", perform=restart)]
        cause = freshness.newest(self._read(state), state.since) if state.since else None
        if cause is not None:
            told = f"restart {self._name} ({cause} is newer than its start)"
            return [Change(summary=told, perform=restart)]
        if self._unit.kind is UnitKind.WSGI and health.problem(*self._place()):
            told = f"wait until {self._name} answers"
            return [Change(summary=told, perform=self._await_health)]
        return []

    def changes(self) -> Sequence[Change]:
        """See Step. A unit that the administrator masked, or disabled and stopped, stays so."""
        state = systemd.unit_state(self._service)
        if not self._wanted:
            return self._stopping(state)
        found: list[Change] = []
        if self._unit.when is not None and not self._mark.exists():
            mark = WantedFile(path=self._mark, content="")
            told = f"let {self._name} run, by the answers"
            found.append(Change(summary=told, perform=partial(write, mark)))
        ini = self._ini()
        ini_differs = ini is not None and bool(difference(ini))
        if ini is not None and ini_differs:
            found.append(Change(summary=f"write {ini.path}", perform=partial(write, ini)))
        running = state.active in ("active", "reloading")
        if systemd.left_alone(self._service, state):
            return found
        if running:
            return found + self._running(state, ini_differs)
        # One that systemd is starting may have read what it was before.
        stale = state.since and (ini_differs or freshness.newest(self._read(state), state.since))
        start = partial(self._bring_up, "restart" if stale else "start")
        return [*found, Change(summary=f"start {self._name}", perform=start)]

    def _stopping(self, state: systemd.UnitState) -> list[Change]:
        """Return what has to be done for a unit that does not run with these answers."""
        found: list[Change] = []
        if self._mark.exists():
            told = f"let {self._name} rest, by the answers"
            found.append(Change(summary=told, perform=partial(self._mark.unlink, missing_ok=True)))
        if state.active not in ("inactive", "failed"):
            stop = partial(systemd.stop, self._service)
            found.append(Change(summary=f"stop {self._name}", perform=stop))
        return found

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"start {self._name}, or restart it"] if self._wanted else []


class TimerStep(Step):
    """A timer that is to be set."""

    reads_past = frozenset({"files"})

    def __init__(self, name: str, repository: str) -> None:
        self.id = f"timer:{name}"
        self.needs = frozenset({f"keys:{repository}"})
        self._timer = f"{name}.timer"

    def changes(self) -> Sequence[Change]:
        """See Step. A timer that the administrator masked or disabled stays so."""
        state = systemd.unit_state(self._timer)
        if state.active == "active" or state.masked or state.disabled:
            return []
        start = partial(systemd.bring_up, self._timer, "start")
        return [Change(summary=f"start {self._timer}", perform=start)]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"start {self._timer}"]


def build(context: Context) -> list[Step]:
    """Return a step for each declared unit, and for the timer of each rotating repository."""
    steps: list[Step] = []
    for manifest in context.manifests:
        steps += [UnitStep(context, manifest, name) for name in manifest.package.unit]
        steps += [
            TimerStep(f"{manifest.binary}-{name}-rotate", name)
            for name, repository in manifest.package.key_repository.items()
            if repository.rotate
        ]
    return steps
