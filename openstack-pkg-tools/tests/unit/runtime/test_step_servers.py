# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import os
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from unit.runtime.making import context
from unit.runtime.test_step_units import RUNNING, STOPPED

from debstack.runtime import running_mariadb, systemd
from debstack.runtime.steps.servers import ServerStep, build, server_steps


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("etc/mysql/mariadb.conf.d", "etc/rabbitmq"):
        (tmp_path / folder).mkdir(parents=True)
    return tmp_path


def rabbitmq(root: Path) -> ServerStep:
    return next(step for step in server_steps(context(root)) if step.id == "server:rabbitmq")


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
