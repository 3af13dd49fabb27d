# SPDX-License-Identifier: Apache-2.0
"""debstack keep: notes, before a package is removed, what its purge has to know.

apt removes all packages before it purges the first one: by then the package that asked for the
name of a bridge may be gone, and with it the answer.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from debstack.base.main import OK
from debstack.base.secret import Secret
from debstack.runtime import manifests
from debstack.runtime.files import WantedFile, read_text, write
from debstack.runtime.machine import require_root
from debstack.runtime.nodes import leaving
from debstack.runtime.nodes.leaving import Kept
from debstack.runtime.purge import Purge, answered_site, prepare
from debstack.runtime.resolve import identity_site
from debstack.runtime.site import SYSTEM_AUTHORITIES, IdentitySite, Site
from debstack.runtime.substitution import verbatim
from debstack.runtime.tls import places
from debstack.spec.component import manifest_json
from debstack.spec.vocabulary import RECORDS_NOTE, Manifest


def with_undo_filled(site: Site, manifest: Manifest) -> Manifest:
    """Return `manifest` with the references in what its tasks undo replaced; pure.

    A reference that stands for nothing here is left as it is.
    """
    tasks = {}
    for name, task in manifest.package.task.items():
        words = tuple(verbatim(site, manifest, word) or word for word in task.undo)
        tasks[name] = replace(task, undo=words)
    return replace(manifest, package=replace(manifest.package, task=tasks))


def _authorities(root: Path, identity: IdentitySite) -> str:
    """Return the certificates (PEM) by which this machine trusts Keystone, besides the system's."""
    named = [places.TRUSTED, *([identity.ca] if identity.ca != SYSTEM_AUTHORITIES else [])]
    found = [read_text(root / path.lstrip("/")) for path in named if path]
    return "".join(text for text in found if text)


def records_of(work: Purge) -> list[Kept]:
    """Return what the cloud keeps of this machine for the package, with what deleting it takes.

    That is nothing where Keystone was here and is gone. A password may be empty: nobody knows it.
    """
    identity = identity_site(work.inputs)
    declared = work.manifest.package.record
    if identity is None or not declared:
        return []
    site = answered_site(work)
    return [
        Kept(
            service=record.service,
            program=program,
            host=work.inputs.facts.hostname,
            identity_url=identity.url,
            region=identity.region,
            local=identity.local,
            authorities=_authorities(work.root, identity),
            user=record.user,
            password=verbatim(site, work.manifest, record.password) or "",
        )
        for program, record in declared.items()
    ]


def keep(binary: str, *, root: Path = Path("/")) -> int:
    """Write the manifest that `debstack purge` will read for `binary`; return the exit code.

    Raises DebstackError for a package that is not installed, or without a manifest.
    """
    require_root()
    manifest = manifests.installed_manifest(root, binary)
    work = prepare(root, manifest)
    filled = with_undo_filled(answered_site(work), manifest)
    kept = root / manifests.REMOVED.lstrip("/") / f"{binary}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    write(WantedFile(path=kept, content=manifest_json(filled), mode=0o644))
    records = records_of(work)
    if records:
        note = kept.with_suffix(RECORDS_NOTE)
        write(WantedFile(path=note, content=Secret(leaving.render(records)), mode=0o600))
    return OK
