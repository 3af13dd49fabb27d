# SPDX-License-Identifier: Apache-2.0
"""aggregates:<source>: the host aggregates of Nova that this machine is in, by its answers.

The step exists only where an answer names one, or named one before. A compute node asks for it
itself: what it needs for that, its services have anyway.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from debstack.runtime.aggregates import note
from debstack.runtime.aggregates.nova import Nova
from debstack.runtime.aggregates.planning import NAMES, ZONE, Verb, Wanted, declared, plan
from debstack.runtime.context import Context
from debstack.runtime.site import NO_SECRET, IdentitySite, Site
from debstack.runtime.step import Change, Step
from debstack.spec.vocabulary import HostAggregates, Manifest


def wanted_of(site: Site, prefix: str) -> Wanted:
    """Return where the answers want this machine to be."""
    names = site.answers.get(f"{prefix}/{NAMES}", "")
    return Wanted(
        host=site.hostname,
        prefix=prefix,
        zone=site.answers.get(f"{prefix}/{ZONE}", ""),
        names=tuple(name for name in names.split(",") if name),
    )


class HostAggregatesStep(Step):
    """Joins and leaves host aggregates."""

    #: They are Nova's on the controller, and can be read whatever is to be done here.
    reads_past = frozenset(
        {"answers", "cache", "clouds", "config", "files", "front", "identity", "messaging"}
        | {"server", "task", "tls", "unit"}
    )

    def __init__(
        self,
        context: Context,
        manifest: Manifest,
        aggregates: HostAggregates,
        identity: IdentitySite,
    ) -> None:
        prefix = manifest.question_prefix
        self.id = f"aggregates:{manifest.source}"
        self.needs = frozenset({"files:site", "tls:trust", f"unit:{aggregates.unit}"})
        self._wanted = wanted_of(context.site, prefix)
        self._root = context.root
        self._secret = f"{prefix}/service-password"
        self._password = context.site.secrets.get(self._secret, NO_SECRET)
        self._user = aggregates.user
        self._identity = identity

    def _nova(self) -> Nova:
        return Nova(
            self._identity,
            user=self._user,
            password=self._password,
            secret=self._secret,
            host=self._wanted.host,
        )

    def changes(self) -> Sequence[Change]:
        """See Step. What is joined is noted before: a killed run knows it too.

        Raises DebstackError.
        """
        nova = self._nova()
        before = note.noted(self._root)
        actions = plan(nova.aggregates(), self._wanted, before)
        noted = before | {action.name for action in actions if action.verb is Verb.JOIN}
        after = noted & frozenset(self._wanted.joined)
        found = [
            Change(summary=action.summary, perform=partial(nova.perform, action))
            for action in actions
        ]
        if noted != before:
            told = f"note in {note.FILE} which host aggregates this machine joins"
            keep = partial(note.keep, self._root, noted)
            found.insert(0, Change(summary=told, perform=keep))
        if after != noted:
            told = f"forget {', '.join(sorted(noted - after))} in {note.FILE}"
            found.append(Change(summary=told, perform=partial(note.keep, self._root, after)))
        return found

    def declared(self) -> Sequence[str]:
        """See Step."""
        return declared(self._wanted)


def build(context: Context) -> list[Step]:
    """Return the step, where this machine is to be in an aggregate, or joined one before."""
    identity = context.site.identity
    if identity is None:
        return []
    return [
        HostAggregatesStep(context, manifest, aggregates, identity)
        for manifest in context.manifests
        if (aggregates := manifest.package.host_aggregates) is not None
        and (wanted_of(context.site, manifest.question_prefix).joined or note.noted(context.root))
    ]
