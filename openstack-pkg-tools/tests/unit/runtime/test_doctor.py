# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import json
from contextlib import nullcontext
from pathlib import Path

import pytest
from unit.runtime.making import install, manifests_of

from debstack.base.run import Result
from debstack.runtime import doctor, listening
from debstack.runtime.graph import State, StepResult
from debstack.runtime.machine import Machine, read_machine
from debstack.runtime.site import DatabaseAccount

DROP_INS = "etc/keystone/keystone.conf.d"


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    """A machine with Keystone on which nothing is to be found."""
    install(tmp_path, "debstack", "keystone")
    options = tmp_path / "usr/share/debstack/options"
    options.mkdir(parents=True)
    sections = {"DEFAULT": {"debug": {"deprecated": False}}, "database": {"connection": {}}}
    (options / "keystone.json").write_text(json.dumps({"sections": sections}))
    (tmp_path / DROP_INS).mkdir(parents=True)
    monkeypatch.setattr(doctor, "planned", lambda _machine: [])
    monkeypatch.setattr(listening, "wildcard_ports", lambda _root: {22})
    monkeypatch.setattr(doctor, "_upgrade_check", lambda _manifest: iter(()))
    return read_machine(tmp_path)


def told(machine: Machine) -> list[str]:
    return [finding.what.replace(f"{machine.root}/", "/") for finding in doctor.examine(machine)]


def drop_in(machine: Machine, name: str, text: str, mode: int = 0o640) -> None:
    path = machine.root / DROP_INS / name
    path.write_text(text)
    path.chmod(mode)


def test_nothing_is_found_where_all_is_well(machine: Machine) -> None:
    drop_in(machine, "90-local.conf", "[DEFAULT]\ndebug = true\n", 0o644)
    assert told(machine) == []


def test_an_option_that_is_ignored(machine: Machine) -> None:
    drop_in(machine, "90-local.conf", "[DEFAULT]\ndebugg = true\n")
    assert told(machine) == [
        f'/{DROP_INS}/90-local.conf: [DEFAULT] debugg: unknown option (did you mean "debug"?):'
        " the service ignores it"
    ]


def test_a_password_that_others_may_read(machine: Machine) -> None:
    drop_in(machine, "50-debstack.conf", "[database]\nconnection = mysql://u:p@h/d\n", 0o644)
    (finding,) = doctor.examine(machine)
    assert finding.serious
    assert finding.repair.startswith("chmod 0640 ")


def test_settings_that_are_not_python_or_that_others_may_read(tmp_path: Path) -> None:
    install(tmp_path, "horizon")
    folder = tmp_path / "etc/horizon/local_settings.d"
    folder.mkdir(parents=True)
    (folder / "50-debstack.py").write_text("A = 1\nSECRET_KEY = 'x'\n")
    (folder / "50-debstack.py").chmod(0o644)
    (folder / "90-local.py").write_text("A = 1\nB = [\n")
    (folder / "90-local.py").chmod(0o644)
    found = [
        finding
        for manifest in read_machine(tmp_path).manifests
        for config in manifest.package.config.values()
        for finding in doctor._drop_ins(tmp_path, config, "horizon")
    ]
    (broken,) = found
    assert broken.serious
    assert broken.what.startswith(f"{folder}/90-local.py: not Python: '[' was never closed")
    (readable,) = doctor._modes(read_machine(tmp_path))
    assert readable.repair == f"chmod 0640 {folder}/50-debstack.py"


def test_a_port_that_is_open_everywhere(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(listening, "wildcard_ports", lambda _root: {5000, 11211})
    assert told(machine) == [
        "keystone listens at every address of this machine (port 5000)",
        "memcached listens at every address of this machine (port 11211)",
    ]


def test_steps_that_are_not_in_order(machine: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    pending = StepResult(id="unit:x", state=State.PENDING, summaries=("start x",))
    monkeypatch.setattr(doctor, "planned", lambda _machine: [pending])
    assert told(machine) == ["unit:x: not done yet: start x"]


class Server:
    """A MariaDB that says how it isolates."""

    def __init__(self, *rows: tuple[str, str]) -> None:
        self.found = list(rows)

    def open(self, _account: DatabaseAccount) -> nullcontext[Server]:
        return nullcontext(self)

    def rows(self, statement: str) -> list[tuple[str, str]]:
        assert statement == "SHOW VARIABLES LIKE 'innodb_snapshot_isolation'"
        return self.found


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], 0),  # an older server
        ([("innodb_snapshot_isolation", "OFF")], 0),
        ([("innodb_snapshot_isolation", "ON")], 1),
    ],
)
def test_a_mariadb_with_errors_that_services_do_not_expect(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, str]], expected: int
) -> None:
    monkeypatch.setattr(doctor, "driver_for", lambda _server, _root: Server(*rows))
    there = dataclasses.replace(machine.facts, servers=frozenset({"mariadb"}))
    found = [
        line for line in told(dataclasses.replace(machine, facts=there)) if "error 1020" in line
    ]
    assert len(found) == expected


def test_data_in_sqlite_beside_a_server(machine: Machine) -> None:
    drop_in(machine, "50-debstack.conf", "[database]\nconnection = sqlite:////x\n")
    facts = dataclasses.replace(machine.facts, servers=frozenset({"mariadb"}))
    assert "SQLite" in told(dataclasses.replace(machine, facts=facts))[0]


@pytest.mark.parametrize(("code", "serious"), [(1, False), (2, True)])
def test_the_services_own_upgrade_check(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: int, serious: bool
) -> None:
    shown = "| Check: Policy |\n| Result: Failure |\n| Details: none |\n"
    monkeypatch.setattr(doctor, "run", lambda *_a, **_o: Result(code=code, stdout=shown, stderr=""))
    monkeypatch.setattr(Path, "exists", lambda _path: True)
    install(tmp_path, "keystone")
    manifest = read_machine(tmp_path).manifests[0]
    (finding,) = doctor._upgrade_check(manifest)
    assert finding.serious is serious
    assert "Check: Policy; Result: Failure; Details: none" in finding.what


def test_what_a_cell_cannot_see_is_not_checked_there(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []

    def run(argv: list[str], **_options: object) -> Result:
        checked.append(argv[0])
        return Result(code=0, stdout="", stderr="")

    monkeypatch.setattr(doctor, "run", run)
    monkeypatch.setattr(Path, "exists", lambda _path: True)
    for manifest in manifests_of("nova"):
        if manifest.binary == "nova-cell":
            assert list(doctor._upgrade_check(manifest)) == []
    assert checked == []
    for manifest in manifests_of("nova"):
        assert list(doctor._upgrade_check(manifest)) == []
    assert checked == ["/usr/bin/nova-status"]


def test_the_passwords_of_cells_are_for_nobody_else(machine: Machine) -> None:
    path = machine.root / "etc/debstack/cells/two.preseed"
    path.parent.mkdir(parents=True)
    path.write_text("")
    path.chmod(0o640)
    (finding,) = doctor.examine(machine)
    assert finding.repair == f"chmod 0600 {path}"
