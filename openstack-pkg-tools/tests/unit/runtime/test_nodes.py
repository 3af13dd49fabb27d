# SPDX-License-Identifier: Apache-2.0
"""The parts of debstack nodes, drain and forget that no cloud is needed for."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from debstack.base.errors import DebstackError
from debstack.runtime.nodes import command, known, moving
from debstack.runtime.nodes.inventory import (
    GONE_AFTER,
    Area,
    Report,
    as_data,
    in_cells,
    line_of,
    moment,
    nodes_of,
)
from debstack.runtime.nodes.known import departures
from debstack.runtime.nodes.moving import Mover, Way, arrived, plan_moves
from debstack.runtime.step import Change

NOW = datetime(2026, 11, 25, 9, 0, tzinfo=UTC)
LONG_AGO = NOW - GONE_AFTER - timedelta(seconds=1)


def _report(host: str, binary: str, **fields: Any) -> Report:
    whole = {"id": f"{host}/{binary}", "area": Area.COMPUTE, "up": True, "seen": NOW, **fields}
    return Report(host=host, binary=binary, **whole)


def test_services_of_one_machine_are_one_node() -> None:
    reports = [
        _report("a", "nova-conductor"),
        _report("a@lvm", "cinder-volume", area=Area.VOLUME),
        _report("a", "ovn-controller", area=Area.NETWORK, gateway=True),
        _report("b", "nova-compute", zone="az1"),
    ]
    first, second = nodes_of(reports, {"b": "QEMU 10.0.2"}, NOW)
    assert (first.name, first.roles) == ("a", ("controller", "storage", "proxy"))
    assert line_of(second) == "b: up; compute; zone az1; QEMU 10.0.2"
    assert as_data(second)["drained"] is False
    assert (as_data(first)["zone"], as_data(second)["zone"]) == (None, "az1")


def test_a_machine_of_a_further_cell_is_told_as_one() -> None:
    reports = [_report("a", "nova-conductor"), _report("b", "nova-compute")]
    reports += [_report("c", "nova-conductor"), _report("c", "nova-scheduler")]
    cells = {"a": "two", "b": "cell1", "c": "cell1"}
    first, second, third = in_cells(nodes_of(reports, {}, NOW), cells)
    assert line_of(first) == "a: up; cell; cell two"
    assert line_of(second) == "b: up; compute"
    assert (as_data(first)["cell"], as_data(second)["cell"]) == ("two", "cell1")
    assert third.roles == ("controller",)
    assert in_cells((first,), {})[0].cell == ""


@pytest.mark.parametrize(
    ("up", "seen", "state"),
    [
        ((True, True), LONG_AGO, "up"),
        ((True, False), LONG_AGO, "down"),
        ((False, False), NOW - GONE_AFTER + timedelta(seconds=1), "down"),
        ((False, False), LONG_AGO, "gone"),
        ((False, False), None, "gone"),
    ],
)
def test_the_state_is_that_of_all_services(
    up: tuple[bool, bool], seen: datetime | None, state: str
) -> None:
    names = ("nova-compute", "ovn-controller")
    reports = [_report("a", name, up=u, seen=seen) for name, u in zip(names, up, strict=True)]
    (node,) = nodes_of(reports, {}, NOW)
    assert node.state == state


def test_who_is_silent_and_why_one_takes_no_servers_is_told() -> None:
    drained = _report("a", "nova-compute", up=False, seen=LONG_AGO, enabled=False, reason="disk")
    (node,) = nodes_of([drained], {}, NOW)
    told = "a: gone; compute; silent: nova-compute; last seen 2026-11-25 08:49:59 UTC"
    assert line_of(node) == f"{told}; takes no servers (disk)"


@pytest.mark.parametrize(
    "text", ["2026-11-25T09:00:00.000000", "2026-11-25 09:00:00", "2026-11-25 10:00:00+01:00"]
)
def test_each_service_writes_time_its_own_way(text: str) -> None:
    assert moment(text) == NOW


@pytest.mark.parametrize("text", [None, "", "soon"])
def test_what_is_no_time_is_none(text: str | None) -> None:
    assert moment(text) is None


def _server(name: str, status: str, host: str = "a", task: str | None = None) -> Any:
    return SimpleNamespace(id=name, name=name, status=status, compute_host=host, task_state=task)


def test_each_server_moves_its_own_way() -> None:
    states = ("ACTIVE", "SHUTOFF", "ERROR", "VERIFY_RESIZE", "MIGRATING")
    moves = {move.name: move for move in plan_moves(_server(s, s) for s in states)}
    assert (moves["ACTIVE"].way, moves["SHUTOFF"].way) == (Way.LIVE, Way.COLD)
    assert moves["ERROR"].obstacle == "a server that is ERROR cannot be moved"
    assert "confirm or revert" in moves["VERIFY_RESIZE"].obstacle
    assert (moves["MIGRATING"].way, moves["MIGRATING"].obstacle) == (None, "")


@pytest.mark.parametrize(
    ("server", "done"),
    [
        (_server("s", "MIGRATING", task="migrating"), None),
        (_server("s", "ACTIVE", "b"), True),
        (_server("s", "ACTIVE", "a"), False),
        (_server("s", "ERROR", "b"), False),
        (_server("s", "SHUTOFF", "a", task="resize_prep"), None),
    ],
)
def test_a_server_has_arrived_when_it_rests_elsewhere(server: Any, done: bool | None) -> None:
    assert arrived(server, "a") is done


def test_every_server_that_stays_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moving, "INTERVAL_S", 0.0)
    there = {"on": _server("on", "ACTIVE"), "off": _server("off", "SHUTOFF")}
    there |= {name: _server(name, "ACTIVE") for name in ("idle", "stuck")}
    confirmed = []

    def live(name: str) -> None:
        if name == "stuck":
            raise OSError("No valid host was found.")
        if name == "on":
            there[name].compute_host = "b"

    def cold(name: str) -> None:
        there[name].compute_host, there[name].status = "b", "VERIFY_RESIZE"

    def confirm(name: str) -> None:
        confirmed.append(name)
        there[name].status = "SHUTOFF"

    compute = SimpleNamespace(
        live_migrate_server=live,
        migrate_server=cold,
        confirm_server_resize=confirm,
        find_server=lambda name, **_: there[name],
    )
    told: list[str] = []
    mover = Mover(SimpleNamespace(compute=compute), "a", refusal=OSError, tell=told.append)
    failures = mover.run(plan_moves(there.values()), wait_s=5)
    assert confirmed == ["off"]
    assert len(told) == 2
    assert sorted(failures) == [
        "server idle (idle) was not moved: see: openstack --os-cloud admin server event list idle",
        "server stuck (stuck) was not moved: No valid host was found.",
    ]


def test_what_is_there_or_has_servers_is_not_forgotten() -> None:
    (up,) = nodes_of([_report("a", "nova-compute")], {}, NOW)
    with pytest.raises(DebstackError, match="a: not gone: nova-compute still reports"):
        command.check_forgettable(up, 0)
    (gone,) = nodes_of([_report("a", "nova-compute", up=False)], {}, NOW)
    with pytest.raises(DebstackError, match="a: has 2 servers"):
        command.check_forgettable(gone, 2)
    command.check_forgettable(gone, 0)


def test_a_name_that_is_not_there_is_guessed() -> None:
    (node,) = nodes_of([_report("compute-1", "nova-compute")], {}, NOW)
    with pytest.raises(DebstackError, match='did you mean "compute-1"'):
        command.chosen([node], "compute1")
    assert command.chosen([node], "compute-1") is node


def test_servers_of_other_nodes_are_left_where_the_cloud_lists_them_too() -> None:
    everywhere = [_server("here", "ACTIVE", "a"), _server("there", "ACTIVE", "b")]
    cloud = SimpleNamespace(compute=SimpleNamespace(servers=lambda **_: everywhere))
    assert [server.name for server in command.servers_on(cloud, "a")] == ["here"]


class _Compute:
    """Nova, as far as drain --undo asks it: one service, and what is written to it."""

    def __init__(self, reason: str | None, status: str = "disabled") -> None:
        self.written: list[tuple[str, dict[str, str]]] = []
        self._service = SimpleNamespace(
            id="7",
            host="a",
            binary="nova-compute",
            state="up",
            status=status,
            disabled_reason=reason,
            updated_at=None,
            availability_zone="nova",
        )

    def services(self) -> list[Any]:
        return [self._service]

    def hypervisors(self, **_: object) -> list[Any]:
        return []

    def update_service(self, service: str, **fields: str) -> None:
        self.written.append((service, fields))


def _undo(monkeypatch: pytest.MonkeyPatch, compute: _Compute, *, dry_run: bool = False) -> int:
    cloud = SimpleNamespace(compute=compute, has_service=lambda _: False)
    monkeypatch.setattr(command, "require_root", lambda: None)
    monkeypatch.setattr(command, "connect", lambda: cloud)
    monkeypatch.setattr(command, "errors_of_the_cloud", nullcontext)
    return command.drain("a", undo=True, dry_run=dry_run, wait_s=1)


def test_what_debstack_drained_takes_servers_again(monkeypatch: pytest.MonkeyPatch) -> None:
    compute = _Compute(command.DRAINED)
    assert _undo(monkeypatch, compute) == 0
    assert compute.written == [("7", {"status": "enabled"})]
    assert _undo(monkeypatch, compute, dry_run=True) == 0
    assert len(compute.written) == 1
    enabled = _Compute(None, "enabled")
    assert _undo(monkeypatch, enabled) == 0
    assert enabled.written == []


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("broken disk", 'for the reason "broken disk"'),
        ("debstack drain, said Ann", 'for the reason "debstack drain, said Ann"'),
        ("", "without a reason"),
        (None, "without a reason"),
    ],
)
@pytest.mark.parametrize("dry_run", [False, True])
def test_what_somebody_else_disabled_is_left_disabled(
    reason: str | None, told: str, dry_run: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    compute = _Compute(reason)
    with pytest.raises(DebstackError) as caught:
        _undo(monkeypatch, compute, dry_run=dry_run)
    assert caught.value.message.startswith("a: not drained by debstack")
    assert caught.value.message.endswith(told)
    assert (caught.value.hint or "").endswith("service set --enable a nova-compute")
    assert compute.written == []


def test_a_compute_node_that_nova_knows_no_more_has_left_once_nothing_of_it_reports() -> None:
    reports = [
        _report("a", "nova-compute", up=False, seen=LONG_AGO),  # down, and still a node
        _report("b", "neutron-openvswitch-agent", area=Area.NETWORK),  # about to leave
        _report("c", "neutron-openvswitch-agent", area=Area.NETWORK, up=False),
        _report("e", "nova-compute"),  # new
    ]
    found = departures({"a", "b", "c", "d"}, nodes_of(reports, {}, NOW))
    assert found.left == ("c", "d")
    assert found.known == {"a", "b", "e"}


def test_who_is_awaited_is_not_missed(tmp_path: Path) -> None:
    assert known.read(tmp_path) == set()
    known.note(tmp_path, {"a", "b"})
    known.awaited(tmp_path, "b")
    known.awaited(tmp_path, "c")
    assert known.read(tmp_path) == {"a"}


@pytest.fixture
def cloud(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> SimpleNamespace:
    """A cloud of one controller, from which compute-2 has gone since it was looked at last."""
    deleted: list[str] = []
    network = SimpleNamespace(delete_agent=deleted.append)
    made = SimpleNamespace(network=network, deleted=deleted, root=tmp_path)
    reports = [
        _report("compute-1", "nova-compute"),
        _report("compute-2", "neutron-openvswitch-agent", area=Area.NETWORK, up=False),
    ]
    for name, double in {
        "_ROOT": tmp_path,
        "require_root": lambda: None,
        "errors_of_the_cloud": nullcontext,
        "single_apply": nullcontext,
        "connect": lambda: made,
        "read_nodes": lambda _cloud: nodes_of(reports, {}, NOW),
        "read_machine": lambda _root: None,
        "account_removals": lambda _machine, name: [
            Change(summary=f"delete users of {name}", perform=lambda: deleted.append(name))
        ],
    }.items():
        monkeypatch.setattr(command, name, double)
    known.note(tmp_path, {"compute-1", "compute-2"})
    return made


def test_what_a_node_left_behind_is_removed_once(cloud: SimpleNamespace) -> None:
    assert command.forget_left(dry_run=False) == 0
    assert cloud.deleted == ["compute-2/neutron-openvswitch-agent", "compute-2"]
    assert known.read(cloud.root) == {"compute-1"}
    assert command.forget_left(dry_run=False) == 0
    assert len(cloud.deleted) == 2


def test_a_dry_run_forgets_nobody(
    cloud: SimpleNamespace, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.forget_left(dry_run=True) == 0
    assert "would delete users of compute-2" in capsys.readouterr().out
    assert cloud.deleted == []
    assert known.read(cloud.root) == {"compute-1", "compute-2"}
