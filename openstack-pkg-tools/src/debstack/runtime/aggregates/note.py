# SPDX-License-Identifier: Apache-2.0
"""Which host aggregates this machine has joined by itself, so that it leaves no others.

Nova does not tell who put a host into an aggregate. What is noted says only what may be left;
whether the machine is in it is read from Nova.
"""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from debstack.runtime.files import WantedFile, read_text, remove, write

FILE = "/var/lib/debstack/host-aggregates"


def _path(root: Path) -> Path:
    return root / FILE.lstrip("/")


def noted(root: Path) -> frozenset[str]:
    """Return the names of the aggregates that stand in the note below `root`."""
    return frozenset((read_text(_path(root)) or "").splitlines())


def keep(root: Path, names: Collection[str]) -> None:
    """Note `names`, one in a line; without any there is no note. Raises ConfigurationError."""
    if names:
        text = "".join(f"{name}\n" for name in sorted(names))
        write(WantedFile(path=_path(root), content=text))
    else:
        remove(_path(root))
