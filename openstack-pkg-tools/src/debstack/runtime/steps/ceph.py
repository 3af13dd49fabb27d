# SPDX-License-Identifier: Apache-2.0
"""ceph:<source>: what the daemons of a source need to use Ceph, and that it lets them in."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from debstack.base.errors import AnswerError
from debstack.runtime.ceph import asking, files
from debstack.runtime.ceph.answered import AUTOMATIC, MONITORS, Ceph, ceph_of, pools_in_use
from debstack.runtime.context import Context
from debstack.runtime.files import difference, remove, told, write
from debstack.runtime.packages import require
from debstack.runtime.step import Change, Step
from debstack.runtime.substitution import verbatim
from debstack.spec.vocabulary import Manifest

log = logging.getLogger(__name__)


class CephStep(Step):
    """The access to Ceph of one source."""

    def __init__(self, context: Context, manifests: Sequence[Manifest]) -> None:
        self._manifest = manifests[0]
        self.id = f"ceph:{self._manifest.source}"
        self.needs = frozenset({"files:site"})
        self._context = context
        self._manifests = manifests
        self._user = self._manifest.user

    def _pools(self) -> dict[str, str]:
        """Return pool to the question that has it used."""
        used = pools_in_use(self._context.site, self._manifests)
        named = {verbatim(self._context.site, self._manifest, p.name): p.question for p in used}
        return {name: question for name, question in named.items() if name}

    def _check_unneeded(self) -> None:
        for pool in pools_in_use(self._context.site, self._manifests):
            answer = self._context.site.answers[pool.question]
            if answer != AUTOMATIC:
                raise AnswerError(
                    MONITORS,
                    f"needed for {pool.question} {answer}, and empty",
                    hint=f"run: debstack answers set {MONITORS} HOST,HOST,HOST;"
                    " then: debstack apply",
                )

    def _prove(self, ceph: Ceph) -> None:
        there = asking.pools(ceph, self._user)
        for pool, question in self._pools().items():
            if pool not in there:
                raise asking.missing_pool(ceph, pool, question, there)

    def _without(self) -> Sequence[Change]:
        self._check_unneeded()
        return [
            Change(summary=f"remove {path}", perform=partial(remove, path))
            for path in files.written(self._context.root, self._user)
            if files.is_ours(path)
        ]

    def _require_packages(self) -> None:
        # Of all sources here, so that one command brings what is missing.
        using = [m.package.ceph for m in self._context.manifests if m.package.ceph is not None]
        require({name for used in using for name in used.packages}, "using Ceph")

    def changes(self) -> Sequence[Change]:
        """See Step. Raises DebstackError where Ceph cannot be used."""
        ceph = ceph_of(self._context.site)
        if ceph is None:
            return self._without()
        self._require_packages()
        found: list[Change] = []
        for wanted in files.wanted(self._context.root, self._user, ceph):
            if not files.is_ours(wanted.path):
                log.warning("%s is not made by debstack: it is left as it is", wanted.path)
            elif how := difference(wanted):
                summary = told(how, f"{files.FOLDER}/{wanted.path.name}")
                found.append(Change(summary=summary, perform=partial(write, wanted)))
        if not found:
            self._prove(ceph)
            return []
        login = f"log in to Ceph as client.{ceph.user}, and look for the pools of this machine"
        return [*found, Change(summary=login, perform=partial(self._prove, ceph))]

    def declared(self) -> Sequence[str]:
        """See Step."""
        if not self._context.site.answers.get(MONITORS):
            return []
        return [f"write {files.conf_path(self._user)}, and log in to Ceph"]


def build(context: Context) -> list[Step]:
    """Return a step for each source with packages here that can use Ceph."""
    using: dict[str, list[Manifest]] = {}
    for manifest in context.manifests:
        if manifest.package.ceph is not None:
            using.setdefault(manifest.source, []).append(manifest)
    return [CephStep(context, found) for found in using.values()]
