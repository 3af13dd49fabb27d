# SPDX-License-Identifier: Apache-2.0
"""identity:catalogue: all that the packages of this machine want in Keystone, in one session."""

from __future__ import annotations

import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path

from debstack.runtime.context import Context
from debstack.runtime.files import difference, write
from debstack.runtime.keystone.performing import Performer
from debstack.runtime.keystone.planning import known_ids, plan
from debstack.runtime.keystone.registered import FILE, file_of, noted, to_note
from debstack.runtime.keystone.session import Keystone, LoginRefused
from debstack.runtime.keystone.sharing import check_passwords, with_keystone
from debstack.runtime.keystone.snapshot import THREADS, Snapshot, take_snapshot
from debstack.runtime.keystone.wanted import Wanted, wanted_of
from debstack.runtime.site import Engine, IdentitySite
from debstack.runtime.step import Change, Step
from debstack.runtime.steps.bootstrap import bootstrapper, run_bootstrap, told_secrets
from debstack.spec.vocabulary import DEFAULT_DOMAIN, Manifest


class IdentityStep(Step):
    """Region, domains, projects, users, roles, services and endpoints."""

    id = "identity:catalogue"
    #: A Keystone that is to be restarted can be read until then.
    reads_past = frozenset({"files", "front", "tls", "unit"})

    def __init__(
        self,
        identity: IdentitySite,
        wanted: Wanted,
        provider: Manifest | None,
        *,
        root: Path,
        writers: int = THREADS,
        secrets: Sequence[str] = (),
    ) -> None:
        needs = {"files:site", "answers:authorities", "front:haproxy", "tls:trust"}
        if provider is not None and provider.package.bootstrap is not None:
            unit = provider.package.bootstrap.unit
            needs |= {f"bootstrap:{provider.source}", f"unit:{unit}"}
        self.needs = frozenset(needs)
        self._identity = identity
        self._wanted = wanted
        self._provider = provider
        self._root = root
        self._secrets = secrets
        self._writers = writers

    def changes(self) -> Sequence[Change]:
        """See Step. Raises IdentityError."""
        try:
            return self._differences()
        except LoginRefused:
            if self._provider is None or not self._identity.local:
                raise
            # The Keystone is ours: the site's password counts, whatever was set behind our back.
            summary = f"set the password of the cloud's administrator {self._identity.admin_user}"
            return [Change(summary=summary, perform=self._recover)]

    def _differences(self) -> list[Change]:
        keystone = Keystone(self._identity)
        found = take_snapshot(keystone, self._wanted)
        wanted = self._wanted
        if not self._identity.local:
            check_passwords(found, wanted)
            wanted = with_keystone(found, wanted)
        actions = plan(found, wanted)
        performer = Performer(keystone, actions, known_ids(found), writers=self._writers)
        return self._note(found, wanted) + [
            Change(summary=action.summary, perform=partial(performer.perform, index))
            for index, action in enumerate(actions)
        ]

    def _note(self, found: Snapshot, wanted: Wanted) -> list[Change]:
        """Return the note of what is ours, taken before it is made: a killed run knows it too."""
        before = noted(self._root)
        ours = to_note(before, found, wanted)
        note = file_of(self._root, ours)
        if not (ours or before) or not difference(note):
            return []
        return [
            Change(summary=f"note in {FILE} which endpoints are ours", perform=partial(write, note))
        ]

    def _recover(self) -> None:
        if self._provider is not None:
            run_bootstrap(self._provider, self._identity, self._secrets)
            _await_next_second()
        for change in self._differences():
            change.perform()

    def declared(self) -> Sequence[str]:
        """See Step."""
        there = Snapshot(domains={DEFAULT_DOMAIN: ""})
        return [action.summary for action in plan(there, self._wanted)]


def _await_next_second() -> None:
    """Wait for a second in which no password was replaced.

    With it, Keystone revokes what tokens the user got up to then, and knows only in which second
    one was issued (keystone/revoke/backends/sql.py): a new one of the same second is revoked, too.
    """
    time.sleep(1 - time.time() % 1)


def build(context: Context) -> list[Step]:
    """Return the step, where there is a Keystone and something to be registered in it."""
    identity = context.site.identity
    if identity is None:
        return []
    wanted = wanted_of(context.manifests, context.site, identity)
    if not wanted.anything:
        return []
    provider = bootstrapper(context)
    # SQLite takes one writer at a time; to a second one, a Keystone on it answers with a 500.
    alone = provider is not None and context.site.database.engine is Engine.SQLITE
    writers = 1 if alone else THREADS
    secrets = told_secrets(context)
    root = context.root
    return [IdentityStep(identity, wanted, provider, root=root, writers=writers, secrets=secrets)]
