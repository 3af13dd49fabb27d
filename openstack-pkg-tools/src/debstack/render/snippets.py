# SPDX-License-Identifier: Apache-2.0
"""The pieces of maintainer scripts, as debhelper's autoscripts take them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from debstack.render import paths
from debstack.render.environment import render
from debstack.render.tree import units
from debstack.spec.questions import PURGE_KEY, SHARED_PREFIX, all_questions, prefix_of
from debstack.spec.references import references
from debstack.spec.vocabulary import RECORDS_NOTE, Component

_ANSWER_FILES = [
    "/etc/debstack/site.preseed",
    "/etc/debstack/secrets.preseed",
    "/var/lib/debstack/taken.preseed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scripts:
    binary: str
    manifest: str
    kept_manifest: str
    kept_manifest_directory: str
    #: Whether what a purge takes back depends on answers, which may be gone by then.
    undoes_by_answers: bool
    #: Where it is noted how the cloud is told that this machine leaves; empty for nothing to tell.
    kept_records: str
    kept_modules: str
    #: There once debstack itself is purged, while other packages still have to be.
    purged_mark: str
    #: What prerm stops: services and timers.
    units: list[str]
    #: The question that postrm asks; empty if there is nothing to ask about.
    purge_question: str
    shared_purge_question: str
    #: Manifests of the other packages of the service, which share the question.
    siblings: list[str]
    #: Whether something outside this machine's files would be left without debstack.
    remote_things: str
    left_over: str
    keep_hint: str
    data: list[str]
    user: str
    files: list[str]
    #: Patterns of files that go if they begin as what debstack makes does.
    ceph_files: list[str]
    directories: list[str]
    answer_files: list[str]
    #: The sed command that forgets the answers.
    answers: str
    #: The one that forgets generated secrets, without which data that are left cannot be read.
    secrets: str


def _remote_things(component: Component, binary: str) -> str:
    package = component.package[binary]
    kinds: dict[str, Iterable[str]] = {
        "database": package.database,
        "Keystone domain": package.domain,
        "Keystone role": package.role,
        "Keystone user": package.service_user,
        "catalogue entry": package.service,
        "RabbitMQ virtual host": package.messaging,
        "setting": [name for name, task in package.task.items() if task.undo],
    }
    return ", ".join(f"{kind} {key}" for kind, table in kinds.items() for key in table)


def _forget(component: Component, binary: str, *, generated: bool) -> str:
    """Return what forgets the answers of `binary`: generated secrets, or all others.

    Where purging deletes no data, no secret has to be kept for them.
    """
    prefix = prefix_of(component)
    asks = paths.asks_before_purge(component, binary)
    names = [
        f"{prefix}/{key}"
        for key, question in all_questions(component, binary).items()
        if (question.generate and asks) is generated
    ]
    if not names:
        return ""
    pattern = "|".join(re.escape(name).replace("\\-", "-").replace("/", "\\/") for name in names)
    return f"/^[^[:space:]#]+[[:space:]]+({pattern})[[:space:]]/d"


def _scripts(component: Component, binary: str) -> _Scripts:
    prefix = prefix_of(component)
    asks = paths.asks_before_purge(component, binary)
    remote = _remote_things(component, binary)
    files = paths.written_by_apply(component, binary)
    kept = f"{paths.KEPT_MANIFESTS}/{binary}.json"
    declared = component.package[binary].record
    records = f"{paths.KEPT_MANIFESTS}/{binary}{RECORDS_NOTE}" if declared else ""
    question = f"{prefix}/{PURGE_KEY}"
    return _Scripts(
        binary=binary,
        manifest=f"{paths.MANIFESTS}/{binary}.json",
        kept_manifest=kept,
        kept_manifest_directory=paths.KEPT_MANIFESTS,
        undoes_by_answers=any(
            references(task.undo) for task in component.package[binary].task.values()
        ),
        kept_records=records,
        kept_modules=paths.KEPT_MODULES,
        purged_mark=paths.PURGED_MARK,
        units=sorted(units(component, binary)),
        purge_question=question if asks else "",
        shared_purge_question=f"{SHARED_PREFIX}/{PURGE_KEY}",
        siblings=[
            f"{paths.MANIFESTS}/{other}.json" for other in component.package if other != binary
        ],
        remote_things=remote,
        left_over=f"{binary}: left as they are: {remote}",
        keep_hint=f"{binary}: hint: to purge it and leave its data, run: "
        f"echo '{binary} {question} boolean false' | debconf-set-selections",
        data=paths.purged_with_data(component, binary) if asks else [],
        user=component.user if paths.brings_user(component, binary) else "",
        files=[*files, kept, *([records] if records else [])],
        ceph_files=paths.access_to_ceph(component, binary),
        directories=paths.purged_if_empty(component, binary),
        answer_files=_ANSWER_FILES,
        answers=_forget(component, binary, generated=False),
        secrets=_forget(component, binary, generated=True),
    )


def snippets(component: Component, binary: str) -> dict[str, str]:
    """Return script name (postinst, prerm, postrm) to what `binary` adds to it.

    debstack's own scripts are written by hand: it only forgets its answers.
    """
    if prefix_of(component) == SHARED_PREFIX:
        return {}
    scripts = _scripts(component, binary)
    return {name: render(f"{name}.j2", scripts) for name in ("postinst", "prerm", "postrm")}


def confmodule_snippet() -> str:
    """Return what a postinst begins with to reach debconf."""
    return render("postinst-confmodule.j2", None)
