# SPDX-License-Identifier: Apache-2.0
"""rings:<source>: Swift's rings, made here or fetched, and the directories of own devices."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from debstack.base.errors import AnswerError, ConfigurationError
from debstack.runtime.context import Context
from debstack.runtime.rings import building, fetching, places
from debstack.runtime.rings.messages import Outcome
from debstack.runtime.rings.wanted import BUILD, FETCH
from debstack.runtime.step import Change, Step
from debstack.spec.vocabulary import Manifest, Rings

log = logging.getLogger(__name__)


def summaries(outcomes: Sequence[Outcome]) -> list[str]:
    """Return what is to be done in the rings, told once for those where it is the same. Pure."""
    groups: dict[tuple[tuple[str, ...], float], list[str]] = {}
    for outcome in outcomes:
        if outcome.changes:
            groups.setdefault((outcome.changes, outcome.percent), []).append(outcome.ring)
    return [
        f"{', '.join(orders)} in the {'rings' if len(names) > 1 else 'ring'} {', '.join(names)}"
        + (f", which moves {percent:g} %" if percent else "")
        for (orders, percent), names in groups.items()
    ]


def check(outcomes: Sequence[Outcome], prefix: str, limit: int) -> None:
    """Refuse what cannot be, or moves too much at once. Raises AnswerError, ConfigurationError."""
    for outcome in outcomes:
        if outcome.problem:
            raise AnswerError(
                f"{prefix}/devices",
                outcome.problem,
                hint="see: debstack rings show; add one: debstack rings add ADDRESS/DEVICE",
            )
    refused = [outcome for outcome in outcomes if outcome.refused]
    if not refused:
        return
    most = max(refused, key=lambda outcome: outcome.percent)
    rings = ", ".join(outcome.ring for outcome in refused)
    enough = int(most.percent) + 1
    raise ConfigurationError(
        f"{', '.join(most.changes)}: would move {most.percent:g} % of what is stored at once"
        f" (rings {rings}), and the limit is {limit} %",
        hint="go in smaller steps (a smaller weight, and more of it an hour later), or let it move,"
        f" with --limit {enough}; for what is answered already: debstack rings rebalance --limit"
        f" {enough}",
    )


class RingsStep(Step):
    """The rings of one source."""

    def __init__(
        self, context: Context, manifest: Manifest, rings: Rings, limit: int | None = None
    ) -> None:
        self.id = f"rings:{manifest.source}"
        self.needs = frozenset({"files:site"}).union(
            f"config:{name}"
            for other in context.manifests
            if other.source == manifest.source
            for name in other.package.config
        )
        self._context = context
        self._manifest = manifest
        self._rings = rings
        site = context.site.rings[manifest.source]
        self._site = site if limit is None else replace(site, limit=limit)
        self._folder = context.path(rings.directory)

    @property
    def _user(self) -> str:
        return self._manifest.user

    def outcomes(self, *, act: bool = False, read: bool = False) -> tuple[Outcome, ...]:
        """Return what came of having rings made, or of planning or reading them."""
        request = building.asked(self._folder, self._rings, self._site, act=act, read=read)
        return building.worked(request, self._user)

    def _make(self) -> None:
        check(self.outcomes(act=True), self._manifest.question_prefix, self._site.limit)

    def _building(self) -> list[Change]:
        outcomes = self.outcomes()
        check(outcomes, self._manifest.question_prefix, self._site.limit)
        return [Change(summary=told, perform=self._make) for told in summaries(outcomes)]

    def _fetching(self) -> list[Change]:
        url = self._site.source
        found: list[Change] = []
        try:
            names = fetching.differing(url, self._folder, self._user)
        except fetching.RingsUnavailable as error:
            if not self._complete():
                raise
            log.warning("%s; those that are here stay in use", error.message)
            return found
        if names:
            told = f"fetch {', '.join(sorted(names))} from {self._site.host}"
            perform = partial(fetching.fetch, url, self._folder, self._user)
            found.append(Change(summary=told, perform=perform))
        elif not self._complete():
            raise fetching.RingsUnavailable(
                f"{url}: that machine has no rings yet",
                hint="name devices there: debstack rings add ADDRESS/DEVICE; then: debstack apply",
            )
        return found

    def _complete(self) -> bool:
        return all((self._folder / f"{name}.ring.gz").exists() for name in self._rings.ring)

    def _serves(self) -> bool:
        units = {name for other in self._context.manifests for name in other.package.unit}
        return any(ring.unit in units for ring in self._rings.ring.values())

    def _own(self) -> list[str]:
        """Return the names of this machine's devices, as its rings have them."""
        if self._site.way == BUILD:
            return [d.name for d in self._site.devices if d.address == self._site.address]
        found = self.outcomes(read=True)
        return [
            device.name
            for outcome in found
            for device in outcome.devices
            if device.address == self._site.address
        ]

    def _places(self) -> Sequence[Change]:
        return places.changes(
            self._context.path(self._rings.devices),
            self._own(),
            self._user,
            mount_check=self._site.mount_check,
        )

    def _make_places(self) -> None:
        for change in self._places():
            change.perform()

    def changes(self) -> Sequence[Change]:
        """See Step. Raises DebstackError."""
        if not self._site.way:
            log.warning(
                "%s rests: it knows of no device; name one: debstack rings add ADDRESS/DEVICE",
                self._manifest.title,
            )
            return []
        found = self._building() if self._site.way == BUILD else self._fetching()
        if not self._serves():
            return found
        if found and self._site.way == FETCH:
            told = "make the directories of this machine's devices"
            return [*found, Change(summary=told, perform=self._make_places)]
        return [*found, *self._places()]

    def declared(self) -> Sequence[str]:
        """See Step."""
        if self._site.way == FETCH:
            return [f"fetch the rings from {self._site.host}"]
        return ["make the rings"] if self._site.way else []


def build(context: Context, limit: int | None = None) -> list[Step]:
    """Return a step for each package of this machine that declares rings.

    `limit` stands for the answer how much of what is stored may move at once.
    """
    return [
        RingsStep(context, manifest, rings, limit)
        for manifest in context.manifests
        if (rings := manifest.package.rings) is not None
    ]
