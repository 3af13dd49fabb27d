# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
from unit.runtime.making import STOPPED, context
from unit.runtime.test_step_rows import MANIFEST

from debstack.base.errors import CommandError
from debstack.runtime import systemd
from debstack.runtime.steps.tasks import TaskStep, build, wanted_task
from debstack.spec.vocabulary import Condition, Package, Task


def writing(path: Path, **others: object) -> Task:
    """Return the task that has this machine's address in `path`."""
    fields = {
        "summary": "write the address ${management-address}",
        "probe": ("cat", str(path)),
        "expect": "${management-address}",
        "command": ("sh", "-c", f"echo ${{management-address}} >>{path}"),
    }
    return Task(**{**fields, **others})  # type: ignore[arg-type]


def step(root: Path, task: Task) -> TaskStep:
    wanted = wanted_task(context(root), MANIFEST, task)
    assert wanted is not None
    return TaskStep("tiny-common/address", [], wanted)


def test_what_is_not_so_is_made_so_once(tmp_path: Path) -> None:
    made = step(tmp_path, writing(tmp_path / "kept"))
    changes = made.changes()
    assert [change.summary for change in changes] == ["write the address 10.0.0.4"]
    changes[0].perform()
    assert (tmp_path / "kept").read_text() == "10.0.0.4\n"
    assert made.changes() == []


@pytest.mark.parametrize(("host", "waits"), [("", False), ("mq", True)])
def test_tasks_wait_for_a_cloud_that_is_elsewhere(host: str, waits: bool, tmp_path: Path) -> None:
    made = context(tmp_path, {"openstack/messaging-host": host})
    package = Package(task={"address": writing(tmp_path / "kept")})
    manifest = dataclasses.replace(MANIFEST, package=package)
    (found,) = build(dataclasses.replace(made, manifests=(manifest,)))
    assert ("messaging:rabbitmq" in found.needs) is waits


def test_a_command_that_changes_nothing_is_told(tmp_path: Path) -> None:
    made = step(tmp_path, writing(tmp_path / "kept", command=("true",)))
    with pytest.raises(CommandError, match="done, and yet cat prints something else"):
        made.changes()[0].perform()


def test_what_has_no_place_here_is_left_out(tmp_path: Path) -> None:
    site = context(tmp_path)
    nowhere = writing(tmp_path / "kept", expect="${answer.tiny/none}")
    assert wanted_task(site, MANIFEST, nowhere) is None
    other = writing(tmp_path / "kept", when=Condition(question="glance/store", equals="rbd"))
    assert wanted_task(site, MANIFEST, other) is None
    met = writing(tmp_path / "kept", when=Condition(question="glance/store", equals="automatic"))
    assert wanted_task(site, MANIFEST, met) is not None


def test_the_services_it_needs_are_started_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "kept").write_text("10.0.0.4\n")
    monkeypatch.setattr(systemd, "unit_state", lambda _unit: STOPPED)
    made = step(tmp_path, writing(tmp_path / "kept", services=("other.service",)))
    summaries = [change.summary for change in made.changes()]
    assert summaries == ["start other.service", "write the address 10.0.0.4"]


def test_the_tasks_of_a_package_come_one_after_the_other(tmp_path: Path) -> None:
    skipped = writing(tmp_path / "b", when=Condition(question="glance/store", equals="rbd"))
    package = Package(
        task={
            "a": writing(tmp_path / "a"),
            "b": skipped,
            "c": writing(tmp_path / "c", after=("tiny-db/listen",)),
        }
    )
    manifest = dataclasses.replace(MANIFEST, package=package)
    steps = build(dataclasses.replace(context(tmp_path), manifests=(manifest,)))
    assert [found.id for found in steps] == ["task:tiny-common/a", "task:tiny-common/c"]
    assert steps[1].needs >= {"task:tiny-common/a", "task:tiny-db/listen"}
