# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from unit.runtime.making import applied, context, manifests_of
from unit.runtime.test_step_schema import ACCOUNT, MANIFEST

from debstack.base.errors import CommandError, ConfigurationError, DatabaseError
from debstack.base.run import Result
from debstack.runtime.context import Context
from debstack.runtime.database.sqlite import SqliteDriver
from debstack.runtime.steps import load, schema
from debstack.runtime.steps.load import TABLE, LoadStep
from debstack.spec.vocabulary import Load, Package

FILES = "etc/svc/defs"
DECLARED = Load(database="db", summary="load it", command=("svc-load",), files=f"/{FILES}/*.json")


class Machine:
    """A database file, a folder of files, and a command that loads them."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.ran: list[Sequence[str]] = []
        self.then: Callable[[], None] = lambda: None
        (root / FILES).mkdir(parents=True)
        self.write("a.json", "{}")
        self.driver = SqliteDriver(root)
        self.driver.changes(ACCOUNT, [])[0].perform()
        monkeypatch.setattr(schema, "run", self._run)
        known = context(root)
        site = dataclasses.replace(known.site, accounts={("svc", "db"): ACCOUNT})
        manifest = dataclasses.replace(MANIFEST, package=Package(load={"defs": DECLARED}))
        self.context = Context(site=site, manifests=(manifest,), root=root)
        self.step = LoadStep(self.context, manifest, "defs", DECLARED, self.driver)

    def write(self, name: str, text: str) -> None:
        (self.root / FILES / name).write_text(text)

    def _run(self, argv: Sequence[str], **_options: object) -> Result:
        self.ran.append(argv)
        self.then()
        return Result(code=0, stdout="", stderr="")

    def apply(self) -> list[str]:
        return applied(self.step)


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Machine:
    return Machine(tmp_path, monkeypatch)


def test_files_are_loaded_once(machine: Machine) -> None:
    assert machine.apply() == ["load it"]
    assert machine.ran == [["setpriv", "--pdeathsig=KILL", "--", "svc-load"]]
    assert machine.apply() == []
    assert len(machine.ran) == 1


@pytest.mark.parametrize(("name", "text"), [("a.json", "[]"), ("b.json", "{}")])
def test_other_files_are_loaded_again(machine: Machine, name: str, text: str) -> None:
    machine.apply()
    machine.write(name, text)
    assert machine.apply() == ["load it"]
    assert machine.apply() == []
    assert len(machine.ran) == 2


def test_what_the_pattern_leaves_out_is_nothing_new(machine: Machine) -> None:
    machine.apply()
    machine.write("README", "changed")
    assert machine.apply() == []


def test_another_database_is_loaded_too(machine: Machine) -> None:
    machine.apply()
    with machine.driver.open(ACCOUNT) as session:
        session.rows(f"DROP TABLE {TABLE}")
    assert machine.apply() == ["load it"]


def test_a_load_that_failed_is_done_again(machine: Machine) -> None:
    def fails() -> None:
        raise CommandError(["svc-load"], 1, [], reason="no such table", hint=None)

    machine.then = fails
    with pytest.raises(DatabaseError, match="no such table"):
        machine.apply()
    machine.then = lambda: None
    assert machine.apply() == ["load it"]
    assert machine.apply() == []


def test_two_machines_load_once(machine: Machine) -> None:
    ours, theirs = machine.step.changes(), machine.step.changes()
    for change in [*theirs, *ours]:
        change.perform()
    assert len(machine.ran) == 1


def test_a_file_that_is_no_json_is_told_and_nothing_loaded(machine: Machine) -> None:
    machine.write("b.json", "{")
    with pytest.raises(ConfigurationError, match=r"/etc/svc/defs/b\.json: not JSON"):
        machine.apply()
    assert machine.ran == []


def test_without_files_there_is_nothing_to_do(machine: Machine) -> None:
    (machine.root / FILES / "a.json").unlink()
    assert machine.apply() == []


def test_there_is_a_step_for_each_load_that_waits_for_the_schema(machine: Machine) -> None:
    (step,) = load.build(machine.context)
    assert step.id == "load:svc/defs"
    assert step.needs == {"schema:svc/db"}
    assert step.declared() == ["load it"]


def test_glance_loads_its_definitions(tmp_path: Path) -> None:
    (step,) = load.build(context(tmp_path))
    assert (step.id, step.declared()) == (
        "load:glance/metadefs",
        ["load Glance's definitions of metadata"],
    )
    (declared,) = manifests_of("glance")[0].package.load.values()
    assert declared.command[0] == "glance-manage"
