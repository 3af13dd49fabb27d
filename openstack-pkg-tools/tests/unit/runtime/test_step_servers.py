# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from unit.runtime.making import RUNNING, STOPPED, applied, context, inputs, manifests_of

from debstack.runtime import broker_node, running_mariadb, systemd
from debstack.runtime.context import Context
from debstack.runtime.resolve import resolve
from debstack.runtime.steps.servers import (
    ServerStep,
    build,
    mariadb_text,
    rabbitmq_text,
    server_steps,
)
from debstack.runtime.tls import issuing, places


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("etc/mysql/mariadb.conf.d", "etc/rabbitmq"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def rabbitmq(root: Path) -> ServerStep:
    return next(step for step in server_steps(context(root)) if step.id == "server:rabbitmq")


@pytest.fixture
def named(root: Path) -> Path:
    """A machine whose name leads to itself, with a port mapper."""
    for name, text in (
        ("etc/hosts", "127.0.1.1 node\n"),
        ("usr/lib/systemd/system/epmd.socket", "[Socket]\n"),
    ):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return root


def epmd(root: Path) -> ServerStep:
    return next(step for step in server_steps(context(root)) if step.id == "server:epmd")


def test_what_only_the_broker_uses_listens_where_its_name_leads(
    named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: STOPPED)
    assert "server:epmd" in rabbitmq(named).needs
    for step in (epmd(named), rabbitmq(named)):
        for change in step.changes():
            change.perform()
        assert step.changes() == []
    text = (named / "etc/rabbitmq/conf.d/50-debstack.conf").read_text()
    assert "\ndistribution.listener.interface = 127.0.1.1\n" in text
    drop_in = named / "etc/systemd/system/epmd.socket.d/50-debstack.conf"
    assert drop_in.read_text().partition("[Socket]\n")[2].splitlines() == [
        "ListenStream=",
        "ListenStream=127.0.0.1:4369",
        "ListenStream=127.0.1.1:4369",
        "FreeBind=true",
    ]
    # A name that leads elsewhere now: nothing is narrowed any more.
    (named / "etc/hosts").write_text("")
    epmd(named).changes()[0].perform()
    assert "ListenStream" not in drop_in.read_text()
    assert any("/50-debstack.conf" in change.summary for change in rabbitmq(named).changes())


def test_a_port_mapper_that_runs_is_restarted_and_its_nodes_waited_for(
    named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done: list[str] = []
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: RUNNING)
    monkeypatch.setattr(systemd, "daemon_reload", lambda: done.append("reload"))
    monkeypatch.setattr(systemd, "bring_up", lambda unit, verb: done.append(f"{verb} {unit}"))
    monkeypatch.setattr(broker_node, "registered", lambda: frozenset({"rabbit"}))
    monkeypatch.setattr(broker_node, "await_registered", lambda names: done.extend(names))
    for change in epmd(named).changes():
        change.perform()
    assert done == ["reload", "restart epmd.socket", "rabbit"]


@pytest.mark.parametrize(("names", "early"), [([], ["restart epmd.socket"]), (["rabbit"], [])])
def test_before_the_broker_has_started_the_port_mapper_is_told_at_once(
    named: Path, monkeypatch: pytest.MonkeyPatch, names: list[str], early: list[str]
) -> None:
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: RUNNING)
    monkeypatch.setattr(broker_node, "registered", lambda: frozenset(names))
    step = epmd(named)
    assert step.early_changes() == []
    step.file_changes()[0].perform()
    assert [change.summary for change in step.early_changes()] == early


@pytest.mark.parametrize("used", [False, True])
def test_a_broker_that_nothing_has_used_yet_starts_anew_while_dpkg_goes_on(
    named: Path, monkeypatch: pytest.MonkeyPatch, used: bool
) -> None:
    done: list[str] = []
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: RUNNING)
    monkeypatch.setattr(systemd, "daemon_reload", lambda: done.append("reload"))
    monkeypatch.setattr(systemd, "run", lambda argv, **_options: done.append(" ".join(argv)))
    if used:
        taken = named / "var/lib/debstack/taken.preseed"
        taken.parent.mkdir(parents=True)
        taken.touch()
    step = rabbitmq(named)
    assert step.early_changes() == []
    step.file_changes()[0].perform()
    for change in step.early_changes():
        change.perform()
    restart = "systemctl --no-block restart rabbitmq-server.service epmd.socket"
    assert done == ([] if used else ["reload", restart])


def test_a_broker_that_has_not_started_yet_needs_nothing(
    named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: STOPPED)
    step = rabbitmq(named)
    step.file_changes()[0].perform()
    assert step.early_changes() == []


def test_a_broker_that_is_just_starting_is_left_to_apply(
    named: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starting = dataclasses.replace(RUNNING, active="activating")
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: starting)
    step = rabbitmq(named)
    step.file_changes()[0].perform()
    assert step.early_changes() == []


def test_nothing_is_restarted_where_nothing_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: STOPPED)
    monkeypatch.setattr(systemd, "daemon_reload", lambda: None)
    monkeypatch.setattr(systemd, "run", lambda argv, **_options: done.extend(argv))
    systemd.restart_meanwhile(["rabbitmq-server.service", "epmd.socket"])
    assert done == []


def test_only_local_servers_in_use_are_touched(root: Path) -> None:
    assert [step.id for step in build(context(root))] == ["server:mariadb", "server:rabbitmq"]
    remote = context(root, {"openstack/messaging-host": "mq1", "openstack/database": "sqlite"})
    assert build(remote) == []


def test_a_server_that_does_not_run_gets_its_file_only(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: STOPPED)
    (change,) = rabbitmq(root).changes()
    change.perform()
    text = (root / "etc/rabbitmq/conf.d/50-debstack.conf").read_text()
    assert "listeners.tcp.local = 127.0.0.1:5672\n" in text
    assert rabbitmq(root).changes() == []


def test_a_server_that_runs_with_older_settings_is_restarted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: RUNNING)
    found = rabbitmq(root).changes()
    assert [change.summary for change in found] == [
        "write /etc/rabbitmq/conf.d/50-debstack.conf",
        "restart rabbitmq-server.service",
    ]
    found[0].perform()
    # The restart did not happen: the next run sees it.
    assert [change.summary for change in rabbitmq(root).changes()] == [
        "restart rabbitmq-server.service"
    ]
    old = time.time() - 3600
    os.utime(root / "etc/rabbitmq/conf.d/50-debstack.conf", (old, old))
    assert rabbitmq(root).changes() == []


def test_others_have_time_for_a_handshake_where_they_come_by_tls() -> None:
    text = rabbitmq_text("192.0.2.1", "", secured=True)
    assert "listeners.ssl.management = 192.0.2.1:5671\n" in text
    assert "ssl_handshake_timeout = 30000\n" in text
    assert "ssl" not in rabbitmq_text("192.0.2.1", "")


def test_times_are_compared_in_the_same_zone(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later = dataclasses.replace(RUNNING, since=datetime.now(tz=UTC) + timedelta(minutes=1))
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: later)
    rabbitmq(root).changes()[0].perform()
    assert rabbitmq(root).changes() == []


def test_a_running_mariadb_is_told_and_not_restarted(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[int] = []
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: RUNNING)
    monkeypatch.setattr(running_mariadb, "isolates_snapshots", lambda: False)
    monkeypatch.setattr(running_mariadb, "max_connections", lambda: 151)
    monkeypatch.setattr(running_mariadb, "set_max_connections", told.append)
    step = next(step for step in server_steps(context(root)) if step.id == "server:mariadb")
    changes = step.changes()
    assert changes[-1].summary == "let mariadb.service take 1024 connections"
    for change in changes:
        change.perform()
    assert told == [1024]
    monkeypatch.setattr(running_mariadb, "max_connections", lambda: 1024)
    assert step.changes() == []


def test_a_running_mariadb_is_told_to_let_services_change_what_has_changed(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Mariadb(monkeypatch)
    server.isolates = True
    step = next(step for step in server_steps(context(root)) if step.id == "server:mariadb")
    changes = step.changes()
    assert "\nloose_innodb_snapshot_isolation = OFF\n" in mariadb_text(1024)
    assert [change.summary for change in changes] == [
        "write /etc/mysql/mariadb.conf.d/60-debstack.cnf",
        "let mariadb.service change rows that changed since they were read",
    ]
    for change in changes:
        change.perform()
    assert step.changes() == []


class Mariadb:
    """A server that runs with settings of its own."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.addresses = "127.0.0.1"
        self.ends: datetime | None = None
        self.reloaded = 0
        self.isolates = False
        monkeypatch.setattr(running_mariadb, "isolates_snapshots", lambda: self.isolates)
        monkeypatch.setattr(running_mariadb, "end_snapshot_isolation", self._end_isolation)
        monkeypatch.setattr(systemd, "unit_state", lambda _unit: RUNNING)
        monkeypatch.setattr(running_mariadb, "max_connections", lambda: 1024)
        monkeypatch.setattr(running_mariadb, "addresses", lambda: self.addresses)
        monkeypatch.setattr(running_mariadb, "certificate_ends", lambda _path: self.ends)
        monkeypatch.setattr(running_mariadb, "reload_certificate", self._reload)

    def _reload(self) -> None:
        self.reloaded += 1

    def _end_isolation(self) -> None:
        self.isolates = False


def of_cell(root: Path, answers: dict[str, str] | None = None) -> Context:
    """The machine of a cell, whose database the controller uses too."""
    wanted = ("debstack", "nova-common", "nova-cell")
    everything = (*manifests_of("debstack"), *manifests_of("nova"))
    installed = tuple(manifest for manifest in everything if manifest.binary in wanted)
    told = {"openstack/identity-url": "https://one:5000/v3", "openstack/join": "true"}
    site = resolve(inputs(installed, {**told, **(answers or {})}))
    return Context(site=site, manifests=installed, root=root)


def test_a_mariadb_that_others_use_listens_to_them_by_tls_once_it_has_a_certificate(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Mariadb(monkeypatch)
    early = server_steps(of_cell(root), early=True)[0]
    assert early.id == "server:mariadb"
    early.file_changes()[0].perform()
    path = root / "etc/mysql/mariadb.conf.d/60-debstack.cnf"
    assert "bind-address" not in path.read_text()
    assert [step.id for step in build(of_cell(root))][:2] == ["tls:rabbitmq", "tls:mariadb"]
    step = server_steps(of_cell(root))[0]
    assert "tls:mariadb" in step.needs
    found = step.changes()
    assert [change.summary for change in found] == [
        "write /etc/mysql/mariadb.conf.d/60-debstack.cnf",
        "restart mariadb.service",
    ]
    found[0].perform()
    text = path.read_text()
    assert "\nbind-address = 127.0.0.1,10.0.0.4\n" in text
    assert "\nrequire_secure_transport = ON\n" in text
    # The restart did not happen: the next run sees it.
    assert [change.summary for change in step.changes()] == ["restart mariadb.service"]
    server.addresses = "127.0.0.1,10.0.0.4"
    assert step.changes() == []


def test_without_tls_a_mariadb_that_others_use_needs_no_certificate(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Mariadb(monkeypatch)
    off = of_cell(root, {"openstack/tls": "off"})
    early = server_steps(off, early=True)[0]
    early.file_changes()[0].perform()
    text = (root / "etc/mysql/mariadb.conf.d/60-debstack.cnf").read_text()
    assert "\nbind-address = 127.0.0.1,10.0.0.4\n" in text
    assert "ssl" not in text
    assert [step.id for step in build(off)] == ["server:mariadb", "server:rabbitmq"]


SHARED = {"openstack/databases-shared": "glance"}


def test_a_mariadb_that_others_no_longer_use_listens_to_nobody_else(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Mariadb(monkeypatch)
    opened = next(s for s in build(context(root, SHARED)) if s.id == "server:mariadb")
    write, restart = opened.changes()
    assert restart.summary == "restart mariadb.service"
    write.perform()
    path = root / "etc/mysql/mariadb.conf.d/60-debstack.cnf"
    assert "\nbind-address = 127.0.0.1,10.0.0.4\n" in path.read_text()
    assert "tls:mariadb" in [step.id for step in build(context(root, SHARED))]
    server.addresses = "127.0.0.1,10.0.0.4"
    assert opened.changes() == []
    closed = next(s for s in build(context(root)) if s.id == "server:mariadb")
    write, restart = closed.changes()
    assert restart.summary == "restart mariadb.service"
    write.perform()
    assert "bind-address" not in path.read_text()
    assert [change.summary for change in closed.changes()] == ["restart mariadb.service"]
    # Where else it listens is somebody else's file's to say.
    for elsewhere in ("127.0.0.1", "*", "10.0.0.4"):
        server.addresses = elsewhere
        assert closed.changes() == []


def test_a_machine_that_only_knows_itself_is_not_restarted_for_that(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Mariadb(monkeypatch)
    server.addresses = "127.0.0.1"
    alone = context(root, {"openstack/management-address": "127.0.0.1"})
    step = next(s for s in build(alone) if s.id == "server:mariadb")
    assert applied(step) == ["write /etc/mysql/mariadb.conf.d/60-debstack.cnf"]


def test_a_running_mariadb_is_told_that_its_certificate_is_new(
    root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = Mariadb(monkeypatch)
    now = datetime.now(UTC).replace(microsecond=0)
    key = issuing.new_key()
    public = issuing.private_of(key).public_key()
    authority = issuing.new_authority("one", now)
    text = issuing.signed(authority, public, "box", ["10.0.0.4"], now)
    monkeypatch.setattr(places, "machine_pair", lambda _: issuing.Pair(key=key, certificate=text))
    (root / "etc/mysql").mkdir(exist_ok=True)
    monkeypatch.setattr("debstack.runtime.files._ids", lambda _: (0, 0))
    step = next(step for step in build(of_cell(root)) if step.id == "tls:mariadb")
    # One that shows another certificate than ours is its own step's to restart.
    assert [change.summary for change in step.changes()] == [
        "write /etc/mysql/debstack.key",
        "write /etc/mysql/debstack.crt",
    ]
    for change in step.changes():
        change.perform()
    server.ends = now
    assert applied(step) == ["let mariadb.service read its certificate again"]
    assert server.reloaded == 1
    server.ends = now + issuing.LIFETIME
    assert step.changes() == []
