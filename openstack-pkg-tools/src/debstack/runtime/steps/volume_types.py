# SPDX-License-Identifier: Apache-2.0
"""volume-types:<source>: a type in Cinder for each back end that this machine keeps volumes in.

The machine with the back end asks for it itself, wherever Cinder's API is: only it knows what it
has. The machine with the API sees to it that the default type is there.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import partial

from debstack.runtime.context import Context
from debstack.runtime.site import NO_SECRET, IdentitySite, Site
from debstack.runtime.step import Change, Step
from debstack.runtime.substitution import known_backends, volume_backends
from debstack.runtime.volume_types.cinder import Cinder
from debstack.runtime.volume_types.planning import DEFAULT, Wanted, plan
from debstack.spec.vocabulary import Manifest, VolumeTypes

log = logging.getLogger(__name__)


def wanted_of(site: Site, manifest: Manifest) -> Wanted:
    """Return the types that there are to be, by the answers of this machine."""
    return Wanted(
        prefix=manifest.question_prefix,
        used=volume_backends(site, manifest),
        known=known_backends(manifest),
        default=site.answers.get(f"{manifest.question_prefix}/{DEFAULT}", ""),
    )


class VolumeTypesStep(Step):
    """Makes the volume types that are missing, and touches no other."""

    #: They are Cinder's, and can be read whatever is to be done here.
    reads_past = frozenset(
        {"answers", "cache", "clouds", "config", "files", "front", "identity", "messaging"}
        | {"server", "task", "tls", "unit"}
    )

    def __init__(
        self, context: Context, manifest: Manifest, types: VolumeTypes, identity: IdentitySite
    ) -> None:
        self.id = f"volume-types:{manifest.source}"
        units = [
            u for m in context.manifests if m.source == manifest.source for u in m.package.unit
        ]
        self.needs = frozenset(
            {"files:site", "front:haproxy", "identity:catalogue", "tls:trust"}
            | {f"unit:{unit}" for unit in units}
        )
        self._wanted = wanted_of(context.site, manifest)
        self._identity = identity
        self._user = types.user
        self._secret = f"{manifest.question_prefix}/service-password"
        self._password = context.site.secrets.get(self._secret, NO_SECRET)

    def changes(self) -> Sequence[Change]:
        """See Step. Where Cinder's API is nowhere yet, nothing is asked. Raises DebstackError."""
        cinder = Cinder(
            self._identity, user=self._user, password=self._password, secret=self._secret
        )
        if not cinder.registered():
            log.warning(
                "no volume type is made: Cinder's API is not in the catalogue of region %s; once it"
                " is, run: debstack apply",
                self._identity.region,
            )
            return []
        return [
            Change(summary=f"make volume type {name}", perform=partial(cinder.make, name))
            for name in plan(cinder.types(), self._wanted)
        ]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"make volume type {name}" for name in self._wanted.names]


def build(context: Context) -> list[Step]:
    """Return the step, where this machine has a back end, or an answer names the default type."""
    identity = context.site.identity
    if identity is None:
        return []
    return [
        VolumeTypesStep(context, manifest, types, identity)
        for manifest in context.manifests
        if (types := manifest.package.volume_types) is not None
        and (wanted := wanted_of(context.site, manifest))
        and (wanted.used or wanted.default)
    ]
