# SPDX-License-Identifier: Apache-2.0
"""Manifests, inputs and contexts for these tests, made from the real openstack.toml files."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from debstack.base.secret import Secret
from debstack.runtime import manifests
from debstack.runtime.context import Context
from debstack.runtime.facts import Facts
from debstack.runtime.preseeds.known import Known, together
from debstack.runtime.resolve import Inputs, resolve
from debstack.runtime.step import Step
from debstack.runtime.systemd import UnitState
from debstack.spec.component import manifest_json, read_component
from debstack.spec.component import resolve as resolve_manifest
from debstack.spec.series_questions import SeriesQuestions, collect
from debstack.spec.vocabulary import Manifest

TREE = Path(__file__).parents[4]
FACTS = Facts(
    hostname="node",
    primary_address="10.0.0.4",
    cpus=2,
    memory_mib=8192,
    servers=frozenset({"mariadb", "rabbitmq", "memcached"}),
    init=True,
)
#: A unit as systemd has it, and the same where nobody started it.
RUNNING = UnitState(
    loaded=True,
    masked=False,
    disabled=False,
    active="active",
    needs_reload=False,
    files=(),
    invocation="1",
    since=datetime.now(tz=UTC) - timedelta(minutes=1),
)
STOPPED = replace(RUNNING, active="inactive", since=None)


@cache
def manifests_of(source: str) -> tuple[Manifest, ...]:
    folder = TREE if source == "debstack" else TREE / "packages" / source
    component = read_component(folder / "debian" / "openstack.toml")
    return tuple(resolve_manifest(component, binary) for binary in component.package)


def all_manifests() -> tuple[Manifest, ...]:
    return manifests_of("debstack") + manifests_of("keystone") + manifests_of("glance")


@cache
def series_questions() -> SeriesQuestions:
    """Return the list of openstack-preseeds: all questions of the packages of the tree."""
    folders = [TREE / "debian", *sorted((TREE / "packages").glob("*/debian"))]
    paths = [folder / "openstack.toml" for folder in folders]
    return collect(read_component(path) for path in paths if path.is_file())


def whole_series() -> Known:
    """Return all questions that the packages of the tree ask, as if none of them was installed."""
    return together((), series_questions())


def install(root: Path, *sources: str) -> None:
    """Put the manifests of `sources` below `root`, as their packages would."""
    folder = root / manifests.COMPONENTS.lstrip("/")
    folder.mkdir(parents=True, exist_ok=True)
    for source in sources:
        for manifest in manifests_of(source):
            (folder / f"{manifest.binary}.json").write_text(manifest_json(manifest))


def inputs(
    installed: tuple[Manifest, ...],
    answers: dict[str, str] | None = None,
    facts: Facts = FACTS,
    secrets: dict[str, str] | None = None,
) -> Inputs:
    known = manifests.known_questions(installed)
    effective = {n: k.question.default for n, k in known.items() if not k.secret}
    passwords = {n: Secret(f"pw-{n}") for n in manifests.implied_passwords(installed)}
    passwords["openstack/admin-password"] = Secret("admin-pw")
    passwords |= {name: Secret(value) for name, value in (secrets or {}).items()}
    return Inputs(
        manifests=installed,
        answers={**effective, **(answers or {})},
        secrets=passwords,
        facts=facts,
    )


def context(
    root: Path, answers: dict[str, str] | None = None, secrets: dict[str, str] | None = None
) -> Context:
    installed = all_manifests()
    site = resolve(inputs(installed, answers, secrets=secrets))
    return Context(site=site, manifests=installed, root=root)


def applied(step: Step) -> list[str]:
    """Make the changes of `step`; return what they were."""
    changes = step.changes()
    for change in changes:
        change.perform()
    return [change.summary for change in changes]
