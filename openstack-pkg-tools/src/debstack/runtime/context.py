# SPDX-License-Identifier: Apache-2.0
"""What every step is given: the site, the manifests, and where files are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from debstack.runtime.site import Site
from debstack.spec.vocabulary import Manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Context:
    """One run of debstack. `root` is / but for tests, which put a folder there."""

    site: Site
    manifests: tuple[Manifest, ...]
    root: Path = Path("/")

    def path(self, absolute: str) -> Path:
        """Return where `absolute` (a path with a leading slash) lies below the root."""
        return self.root / absolute.lstrip("/")
