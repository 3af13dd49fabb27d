# SPDX-License-Identifier: Apache-2.0
"""debstack keep: notes, before a package is removed, what its purge has to know.

apt removes all packages before it purges the first one: by then the package that asked for the
name of a bridge may be gone, and with it the answer.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from debstack.base.main import OK
from debstack.runtime import manifests
from debstack.runtime.files import WantedFile, write
from debstack.runtime.machine import require_root
from debstack.runtime.purge import answered_site, prepare
from debstack.runtime.site import Site
from debstack.runtime.substitution import verbatim
from debstack.spec.component import manifest_json
from debstack.spec.vocabulary import Manifest


def with_undo_filled(site: Site, manifest: Manifest) -> Manifest:
    """Return `manifest` with the references in what its tasks undo replaced; pure.

    A reference that stands for nothing here is left as it is.
    """
    tasks = {}
    for name, task in manifest.package.task.items():
        words = tuple(verbatim(site, manifest, word) or word for word in task.undo)
        tasks[name] = replace(task, undo=words)
    return replace(manifest, package=replace(manifest.package, task=tasks))


def keep(binary: str, *, root: Path = Path("/")) -> int:
    """Write the manifest that `debstack purge` will read for `binary`; return the exit code.

    Raises DebstackError for a package that is not installed, or without a manifest.
    """
    require_root()
    manifest = manifests.installed_manifest(root, binary)
    filled = with_undo_filled(answered_site(prepare(root, manifest)), manifest)
    kept = root / manifests.REMOVED.lstrip("/") / f"{binary}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    write(WantedFile(path=kept, content=manifest_json(filled), mode=0o644))
    return OK
