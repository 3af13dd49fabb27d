# SPDX-License-Identifier: Apache-2.0
"""identity:former-region: what this machine registered where it was before, taken back.

The step exists only after the answer openstack/region was changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

from debstack.runtime.context import Context
from debstack.runtime.files import write
from debstack.runtime.keystone.former import plan_leaving, take_regions
from debstack.runtime.keystone.registered import Registered, file_of, noted
from debstack.runtime.keystone.session import Keystone, quoted_path
from debstack.runtime.keystone.sharing import IDENTITY
from debstack.runtime.site import IdentitySite
from debstack.runtime.step import Change, Step


class FormerRegionStep(Step):
    """Endpoints in a former region, deleted when no service of this machine looks for them."""

    id = "identity:former-region"
    reads_past = frozenset({"clouds", "files", "identity", "unit"})

    def __init__(
        self,
        identity: IdentitySite,
        former: frozenset[Registered],
        *,
        units: Sequence[str],
        root: Path,
    ) -> None:
        self.needs = frozenset(
            {"identity:catalogue", "clouds:root"} | {f"unit:{name}" for name in units}
        )
        self._identity = identity
        self._former = former
        self._root = root

    def changes(self) -> Sequence[Change]:
        """See Step. It is forgotten last: a killed run does it again. Raises IdentityError."""
        keystone = Keystone(self._identity)
        found = [
            Change(
                summary=removal.summary,
                perform=partial(keystone.request, removal.method, quoted_path(*removal.path)),
            )
            for removal in plan_leaving(take_regions(keystone), self._former)
        ]
        return [*found, Change(summary=self._forgotten(), perform=self._forget)]

    def _forget(self) -> None:
        # Read now: what was registered in the new region was noted since.
        write(file_of(self._root, (noted(self._root) or frozenset()) - self._former))

    def _forgotten(self) -> str:
        return f"forget region {', '.join(sorted({one.region for one in self._former}))}"

    def declared(self) -> Sequence[str]:
        """See Step."""
        told = [
            f"delete {one.interface} endpoint of {one.type} in region {one.region}: {one.url}"
            for one in sorted(self._former)
        ]
        return [*told, self._forgotten()]


def build(context: Context) -> list[Step]:
    """Return the step, where a service of this machine was registered in another region before.

    What a package registered that is not installed now waits for it, or for its purge.
    """
    identity = context.site.identity
    if identity is None:
        return []
    types = {name for manifest in context.manifests for name in manifest.package.service}
    if types and not identity.local:
        types.add(IDENTITY)  # that of another machine, which was made known in this one's region
    former = frozenset(
        one
        for one in noted(context.root) or frozenset()
        if one.region != identity.region and one.type in types
    )
    if not former:
        return []
    units = [name for manifest in context.manifests for name in manifest.package.unit]
    return [FormerRegionStep(identity, former, units=units, root=context.root)]
