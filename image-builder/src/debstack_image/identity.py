# SPDX-License-Identifier: Apache-2.0
"""Names and times that an image gets from what is in it, for the same packages the same."""

from __future__ import annotations

import hashlib
import uuid
from dataclasses import dataclass
from pathlib import Path

#: Of this program; all identifiers of images are made below it.
_SPACE = uuid.UUID("3f0c2c3e-6a51-5d0e-8b52-7f4f6f1f8a11")


@dataclass(frozen=True, slots=True)
class Identity:
    """Derives identifiers from `digest`, which names the packages and the settings of an image."""

    digest: str

    def uuid(self, role: str) -> str:
        """Return the UUID of what plays `role` in the image."""
        return str(uuid.uuid5(_SPACE, f"{self.digest}/{role}"))

    def volume(self, role: str) -> int:
        """Return the serial number of a FAT file system, 32 bits."""
        return uuid.uuid5(_SPACE, f"{self.digest}/{role}").int & 0xFFFFFFFF

    def salt(self, user: str) -> str:
        """Return a salt for the hash of a user's password, as yescrypt reads it: in fours.

        The password has no part in it: a salt can be read, and would be a quick way to try others.
        """
        text = f"{self.digest}/salt of {user}"
        return hashlib.blake2b(text.encode(), digest_size=12).hexdigest()


def newest_package(root: Path) -> int:
    """Return the time of the newest package in the tree, seconds since 1970.

    Files of a package are at most as new as its changelog, and each has some of these two.
    """
    folder = root / "usr" / "share" / "doc"
    times = [
        int(path.lstat().st_mtime)
        for pattern in ("*/copyright", "*/changelog*")
        for path in folder.glob(pattern)
        if not path.is_symlink()
    ]
    return max(times)
