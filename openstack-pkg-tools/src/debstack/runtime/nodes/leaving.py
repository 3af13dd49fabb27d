# SPDX-License-Identifier: Apache-2.0
"""debstack leave: a machine deletes what the cloud keeps of it for a package that goes for good.

What cannot be reached, or is refused, is left and told, and is no failure: the package goes
nevertheless, and debstack forget on the controller does the rest.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debstack.base.errors import DebstackError
from debstack.base.main import OK
from debstack.base.secret import Secret
from debstack.runtime import manifests
from debstack.runtime.doing import tell
from debstack.runtime.machine import require_root
from debstack.runtime.purge import Purge, answered_site, prepare
from debstack.runtime.resolve import identity_site
from debstack.runtime.site import IdentitySite
from debstack.runtime.substitution import verbatim
from debstack.spec.vocabulary import RECORD_SERVICES, Record, ServiceUser


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeper:
    """How a service of the catalogue lists and deletes what it keeps of machines."""

    #: The path of the collection, and the name of its list in the answer.
    path: str
    members: str
    microversion: str


#: From 2.53 on services of all cells are known by their UUIDs (compute API reference, os-services).
KEEPERS: Mapping[str, Keeper] = dict(
    zip(
        RECORD_SERVICES,
        (Keeper(path="/os-services", members="services", microversion="2.53"),),
        strict=True,
    )
)


def _api(identity: IdentitySite, record: Record, password: Secret) -> Any:
    from keystoneauth1.adapter import Adapter

    from debstack.runtime.keystone.session import session_of

    return Adapter(
        session_of(
            identity,
            user=record.user,
            password=password,
            project=ServiceUser().project,
            catalogue=True,
        ),
        service_type=record.service,
        interface="internal",
        region_name=identity.region,
        default_microversion=KEEPERS[record.service].microversion,
    )


def delete_record(api: Any, keeper: Keeper, program: str, host: str) -> int:
    """Delete what is kept of `program` on `host`; return how many records there were."""
    listed = api.get(keeper.path, params={"host": host, "binary": program}).json()
    # A filter that the service does not know would list those of all machines.
    found = [
        member
        for member in listed[keeper.members]
        if member["host"] == host and member["binary"] == program
    ]
    for member in found:
        api.delete(f"{keeper.path}/{member['id']}")
    return len(found)


def _said(error: Exception) -> str:
    """Return why the cloud refused: keystoneauth1 does not read the form of Nova's errors."""
    response: Any = getattr(error, "response", None)
    told: object = error
    try:
        (fault,) = response.json().values()
        told = fault["message"]
    except (AttributeError, ValueError, TypeError, KeyError):
        pass  # of another form, or no answer at all
    return " ".join(str(told).split())


def _leave(work: Purge, program: str, record: Record) -> None:
    from keystoneauth1.exceptions import ClientException

    host = work.inputs.facts.hostname
    hint = f"on the controller, run: debstack forget {host}"
    identity = identity_site(work.inputs)
    password = verbatim(answered_site(work), work.manifest, record.password)
    if identity is None or not password:
        missing = "password" if identity else "Keystone"
        raise DebstackError(f"no {missing} is known to ask for it with", hint=hint)
    try:
        api = _api(identity, record, Secret(password))
        if delete_record(api, KEEPERS[record.service], program, host):
            tell(f"the cloud knows {program} of {host} no more")
    except ClientException as error:
        raise DebstackError(_said(error), hint=hint) from error


def leave(binary: str, *, root: Path = Path("/")) -> int:
    """Delete what the cloud keeps of this machine for the package `binary`; return the exit code.

    Raises DebstackError for a package that is not installed, or without a manifest.
    """
    require_root()
    manifest = manifests.installed_manifest(root, binary)
    work = prepare(root, manifest)
    for program, record in manifest.package.record.items():
        try:
            _leave(work, program, record)
        except DebstackError as error:
            told = f"{binary}: left what the cloud keeps of this machine: {error.message}"
            print(f"debstack: warning: {told}", file=sys.stderr)
            if error.hint:
                print(f"debstack: hint: {error.hint}", file=sys.stderr)
    return OK
