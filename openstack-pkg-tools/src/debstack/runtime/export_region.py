# SPDX-License-Identifier: Apache-2.0
"""debstack export --role region: the preseed file of the controller of a further region.

Regions share Keystone: its users, those of the services among them, and its tokens. All else is
each one's own: databases, message broker, networks, and whatever users have there.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.main import OK
from debstack.base.secret import Secret
from debstack.runtime import manifests
from debstack.runtime.export import (
    Handed,
    apply_first,
    deliver,
    handed_on,
    invited,
    let_join,
    stored_passwords,
    text_of,
)
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import read_machine, require_root
from debstack.runtime.series import role_manifests
from debstack.runtime.site import Site
from debstack.spec.checks import ACCEPTS, matches
from debstack.spec.vocabulary import REGION_ROLE, Check, Manifest

REGION = "openstack/region"
ADMIN_PASSWORD = "openstack/admin-password"  # noqa: S105 - the name of the question
_ROOT = Path("/")


def shared_passwords(packages: Sequence[Manifest]) -> frozenset[str]:
    """Return the full names of the passwords that all regions have: those in Keystone."""
    accounts = {
        name
        for manifest in packages
        for account, name in manifest.password.items()
        if account.startswith("service:")
    }
    return frozenset({*accounts, ADMIN_PASSWORD})


def check_region(site: Site, name: str) -> None:
    """Refuse a region that cannot be, or a machine that cannot share it. Raises DebstackError."""
    if site.identity is None or not site.identity.local:
        raise DebstackError(
            "this machine has no Keystone to share with another region",
            hint="run the same on the machine where openstack-controller is installed",
        )
    if not name or not matches(Check.REGION, name):
        raise DebstackError(
            f"--region: expected the name of the new region ({ACCEPTS[Check.REGION]}), found"
            f" {name!a:.80}"
        )
    if name == site.identity.region:
        raise DebstackError(
            f"--region: {name} is the region of this machine itself",
            hint="give the new one another name",
        )


def handed_to_region(
    site: Site,
    packages: Sequence[Manifest],
    here: Sequence[Manifest],
    name: str,
    *,
    given: Mapping[str, str],
    held: Mapping[str, Secret],
) -> Handed:
    """Return what the controller of the region `name`, with `packages`, is told. Pure.

    `here` is what this machine has: it is told the passwords of all services that may come later.
    """
    together = {manifest.binary: manifest for manifest in (*packages, *here)}
    everything = tuple(together.values())
    handed = handed_on(site, packages, REGION_ROLE, given=given, held={})
    names = sorted(shared_passwords(everything))
    return Handed(
        known=manifests.known_questions(everything),
        answers={**handed.answers, REGION: name},
        secrets={password: held[password] for password in names if held.get(password)},
    )


def export_region(name: str, *, output: str, node: str | None, valid: timedelta) -> int:
    """Print the preseed file for the controller of the region `name`; return the exit code.

    With `output` it is written to that file. The secret to join with is `valid` for so long. Raises
    DebstackError.
    """
    require_root()
    if node is not None:
        raise DebstackError(
            f"--node: not with --role {REGION_ROLE}: it has a message broker of its own",
            hint="leave --node out",
        )
    packages = role_manifests(_ROOT, REGION_ROLE)
    with single_apply():
        machine = read_machine(_ROOT)
        site = machine.context().site
        check_region(site, name)
        handed = handed_to_region(
            site,
            packages,
            machine.manifests,
            name,
            given=machine.outcome.given,
            held={**stored_passwords(), **machine.secrets()},
        )
        # Else nobody signs the certificate of the other controller.
        changed = let_join(machine, handed)
    if changed and (code := apply_first()) != OK:
        return code
    secrets = {**handed.secrets, **invited(site, packages, REGION_ROLE, "", valid)}
    deliver(text_of(dataclasses.replace(handed, secrets=secrets), REGION_ROLE, ()), output)
    return OK
