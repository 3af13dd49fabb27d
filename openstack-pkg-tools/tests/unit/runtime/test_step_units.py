# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from unit.runtime.making import RUNNING, STOPPED, context

from debstack.base.errors import ConfigurationError
from debstack.runtime import health, systemd
from debstack.runtime.steps.units import TimerStep, UnitStep, build, uwsgi_ini
from debstack.runtime.systemd import UnitState
from debstack.spec.vocabulary import Condition, Row, Task, UnitKind, Value


class World:
    """systemd and the service's port, as the test wants them."""

    def __init__(self) -> None:
        self.state = RUNNING
        #: What is wrong with its answer when it is asked once, and when it was waited for.
        self.health = self.in_the_end = ""
        self.done: list[str] = []
        #: What becomes of the unit while it is waited for, and whether that is told to be in vain.
        self.meanwhile: dict[str, Any] = {}
        self.given_up = False

    def stop(self, unit: str) -> None:
        self.done.append(f"stop {unit}")

    def bring_up(self, unit: str, verb: str) -> None:
        self.done.append(f"{verb} {unit}")

    def wait_until_good(
        self, *_place: object, deadline_s: float, in_vain: Callable[[], bool]
    ) -> str:
        assert deadline_s > 60
        self.state = dataclasses.replace(self.state, **self.meanwhile)
        self.given_up = in_vain()
        return self.in_the_end


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    made = World()
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: made.state)
    monkeypatch.setattr(systemd, "bring_up", made.bring_up)
    monkeypatch.setattr(systemd, "stop", made.stop)
    monkeypatch.setattr(health, "problem", lambda *_place: made.health)
    monkeypatch.setattr(health, "wait_until_good", made.wait_until_good)
    return made


def glance(root: Path) -> UnitStep:
    made = context(root)
    manifest = next(m for m in made.manifests if m.binary == "glance-api")
    return UnitStep(made, manifest, "glance-api")


def settled(root: Path) -> UnitStep:
    """Return the step with everything that it reads in place, older than the unit's start."""
    step = glance(root)
    for change in step.changes():
        if change.summary.startswith("write"):
            change.perform()
    for folder in ("etc/glance/glance.conf.d", "var/lib/dpkg/info"):
        (root / folder).mkdir(parents=True)
    for name in ("etc/glance/glance.conf.d/90-local.conf", "var/lib/dpkg/info/python3-glance.list"):
        (root / name).write_text("")
    old = time.time() - 3600
    for path in root.rglob("*"):
        os.utime(path, (old, old))
    return step


def summaries(step: UnitStep) -> list[str]:
    return [change.summary for change in step.changes()]


def test_a_stopped_unit_is_configured_and_started(tmp_path: Path, world: World) -> None:
    world.state = STOPPED
    step = glance(tmp_path)
    changes = step.changes()
    for change in changes:
        change.perform()
    assert changes[-1].summary == "start glance-api"
    assert world.done == ["start glance-api.service"]
    ini = tmp_path / "etc/glance/glance-api-uwsgi.d/50-debstack.ini"
    assert "http-socket = 127.0.0.1:9292\nprocesses = 2\n" in ini.read_text()


def test_a_unit_that_systemd_is_starting_reads_what_changed_meanwhile(
    tmp_path: Path, world: World
) -> None:
    step = settled(tmp_path)
    world.state = dataclasses.replace(RUNNING, active="activating")
    step.changes()[-1].perform()
    now = time.time()
    os.utime(tmp_path / "etc/glance/glance.conf.d/90-local.conf", (now, now))
    step.changes()[-1].perform()
    assert world.done == ["start glance-api.service", "restart glance-api.service"]


def test_a_unit_in_order_is_left_alone(tmp_path: Path, world: World) -> None:
    assert summaries(settled(tmp_path)) == []
    assert world.done == []


@pytest.mark.parametrize(
    "touched",
    [
        "etc/glance/glance.conf.d/90-local.conf",
        "etc/glance/glance.conf.d",
        "var/lib/dpkg/info/python3-glance.list",
        "etc/glance/glance-api-uwsgi.d/50-debstack.ini",
    ],
)
def test_what_it_reads_is_newer_so_it_is_restarted(
    tmp_path: Path, world: World, touched: str
) -> None:
    step = settled(tmp_path)
    now = time.time()
    os.utime(tmp_path / touched, (now, now))
    assert summaries(step) == [f"restart glance-api ({tmp_path / touched} is newer than its start)"]


def test_a_file_of_another_service_is_no_reason(tmp_path: Path, world: World) -> None:
    step = settled(tmp_path)
    for name in ("etc/keystone/keystone.conf.d/x.conf", "etc/glance/glance-rpc-uwsgi.d/x.ini"):
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text("")
    assert summaries(step) == []


def test_a_unit_that_does_not_answer_is_waited_for(tmp_path: Path, world: World) -> None:
    step = settled(tmp_path)
    world.health = "no answer"
    assert summaries(step) == ["wait until glance-api answers"]


@pytest.mark.parametrize(
    ("meanwhile", "given_up"),
    [({}, False), ({"invocation": "another"}, True), ({"active": "failed", "since": None}, True)],
)
def test_one_that_dies_while_it_is_waited_for_is_given_up(
    tmp_path: Path, world: World, meanwhile: dict[str, Any], given_up: bool
) -> None:
    step = settled(tmp_path)
    world.health = "no answer"
    (wait,) = step.changes()
    world.meanwhile = meanwhile
    wait.perform()
    assert world.given_up is given_up


def test_one_that_never_answers_is_told(
    tmp_path: Path, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "journal_tail", lambda *_unit: ["last words"])
    step = settled(tmp_path)
    world.health = world.in_the_end = "no answer"
    (wait,) = step.changes()
    with pytest.raises(ConfigurationError, match=r"no answer; .*\n.*last words"):
        wait.perform()


@pytest.mark.parametrize(
    "state",
    [dataclasses.replace(STOPPED, masked=True), dataclasses.replace(STOPPED, disabled=True)],
)
def test_a_masked_or_disabled_unit_stays_so_and_is_told(
    tmp_path: Path, world: World, caplog: pytest.LogCaptureFixture, state: UnitState
) -> None:
    step = settled(tmp_path)
    world.state = state
    with caplog.at_level(logging.WARNING):
        assert summaries(step) == []
    assert "it is left so" in caplog.text


def test_needs(tmp_path: Path) -> None:
    steps = {step.id: step for step in build(context(tmp_path))}
    assert set(steps) == {"unit:keystone", "unit:glance-api", "timer:keystone-fernet-rotate"}
    keystone = steps["unit:keystone"].needs
    assert {"config:keystone", "schema:keystone/keystone", "keys:fernet"} <= keystone
    assert "identity:catalogue" not in keystone
    glance_needs = steps["unit:glance-api"].needs
    assert {"config:glance", "schema:glance/glance", "identity:catalogue"} <= glance_needs


def test_what_does_not_tell_when_it_is_ready_comes_last(tmp_path: Path) -> None:
    made = context(tmp_path)
    manifest = next(m for m in made.manifests if m.binary == "glance-api")

    def late(kind: UnitKind, service: dict[str, Value]) -> bool:
        unit = dataclasses.replace(manifest.package.unit["glance-api"], kind=kind, service=service)
        package = dataclasses.replace(manifest.package, unit={"glance-api": unit})
        changed = dataclasses.replace(manifest, package=package)
        return UnitStep(made, changed, "glance-api").late

    assert late(UnitKind.DAEMON, {})
    assert not late(UnitKind.DAEMON, {"Type": "notify"})
    assert not late(UnitKind.DAEMON, {"ExecStartPre": "/usr/bin/true"})
    assert not late(UnitKind.WSGI, {})


def test_an_ipv6_address_stands_in_brackets(tmp_path: Path) -> None:
    made = context(
        tmp_path, {"openstack/management-address": "2001:db8::10", "openstack/tls": "off"}
    )
    manifest = next(m for m in made.manifests if m.binary == "keystone")
    assert "http-socket = [2001:db8::10]:5000\n" in uwsgi_ini(made, manifest, "keystone")


def test_a_timer_is_started_unless_it_runs(world: World) -> None:
    timer = TimerStep("keystone-fernet-rotate", "fernet")
    assert timer.changes() == []
    world.state = STOPPED
    (change,) = timer.changes()
    change.perform()
    assert world.done == ["start keystone-fernet-rotate.timer"]


def by_answer(root: Path, equals: str) -> UnitStep:
    """Return the step of a unit that runs only if images are kept in `equals`."""
    made = context(root)
    manifest = next(m for m in made.manifests if m.binary == "glance-api")
    condition = Condition(question="glance/store", equals=equals)
    unit = dataclasses.replace(manifest.package.unit["glance-api"], when=condition)
    package = dataclasses.replace(manifest.package, unit={"glance-api": unit})
    return UnitStep(made, dataclasses.replace(manifest, package=package), "glance-api")


def test_a_unit_runs_with_its_answer_only(tmp_path: Path, world: World) -> None:
    mark = tmp_path / "var/lib/debstack/units/glance-api"
    world.state = STOPPED
    for change in by_answer(tmp_path, "automatic").changes():
        change.perform()
    assert mark.exists()
    assert world.done == ["start glance-api.service"]
    world.state = RUNNING
    changes = by_answer(tmp_path, "rbd").changes()
    assert [c.summary for c in changes] == [
        "let glance-api rest, by the answers",
        "stop glance-api",
    ]
    for change in changes:
        change.perform()
    assert not mark.exists()
    assert world.done[1:] == ["stop glance-api.service"]
    world.state = STOPPED
    assert by_answer(tmp_path, "rbd").changes() == []


def test_a_unit_comes_after_what_it_names_and_what_its_source_declares() -> None:
    made = context(Path("/"))
    manifest = next(m for m in made.manifests if m.binary == "glance-api")
    unit = dataclasses.replace(manifest.package.unit["glance-api"], after=("other",))
    package = dataclasses.replace(
        manifest.package,
        unit={"glance-api": unit},
        row=(Row(database="glance", table="t", key={"a": "b"}),),
        task={"set": Task(summary="s", probe=("a",), expect="b", command=("c",))},
    )
    changed = dataclasses.replace(manifest, package=package)
    step = UnitStep(dataclasses.replace(made, manifests=(changed,)), changed, "glance-api")
    assert step.needs >= {"unit:other", "rows:glance/glance", "task:glance-api/set"}
