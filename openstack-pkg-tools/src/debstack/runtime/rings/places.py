# SPDX-License-Identifier: Apache-2.0
"""The directories of this machine's own devices: made where they are missing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from debstack.base.errors import ConfigurationError
from debstack.runtime.accounts import ids_of
from debstack.runtime.files import refusal
from debstack.runtime.step import Change

MODE = 0o750
#: Of what is mounted over: root's, so that nothing is kept there while it is not.
BARE_MODE = 0o755


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A directory as it is."""

    exists: bool = False
    mounted: bool = False
    #: Whether it belongs to the user of the service, and to nobody else.
    owned: bool = False


def needed(found: Found, *, mount_check: bool) -> str:
    """Return what has to be done: make, own, make and own, or nothing. Pure."""
    to_own = (found.mounted or not mount_check) and not found.owned
    words = ["make"] if not found.exists else []
    return " and ".join([*words, "own"] if to_own else words)


def _look(path: Path, uid: int, gid: int) -> Found:
    try:
        about = path.stat()
    except FileNotFoundError:
        return Found()
    if not stat.S_ISDIR(about.st_mode):
        raise ConfigurationError(
            f"{path}: is no directory, and a device belongs there",
            hint=f"move {path} away; then run: debstack apply",
        )
    owned = (about.st_uid, about.st_gid) == (uid, gid)
    return Found(exists=True, mounted=path.is_mount(), owned=owned)


def _do(path: Path, what: str, uid: int, gid: int) -> None:
    try:
        if "make" in what:
            path.mkdir(mode=BARE_MODE, parents=True, exist_ok=True)
        if "own" in what:
            os.chown(path, uid, gid)
            path.chmod(MODE)
    except OSError as error:
        raise refusal(path, error) from error


def changes(
    folder: Path, names: Iterable[str], user: str, *, mount_check: bool
) -> Sequence[Change]:
    """Return what makes the directories of the devices `names` in `folder` as they have to be."""
    uid, gid = ids_of(user, folder)
    found = []
    for name in sorted(set(names)):
        path = folder / name
        what = needed(_look(path, uid, gid), mount_check=mount_check)
        if what:
            told = f"make {path}" if "make" in what else f"give {path} to {user}"
            found.append(Change(summary=told, perform=partial(_do, path, what, uid, gid)))
    return found
