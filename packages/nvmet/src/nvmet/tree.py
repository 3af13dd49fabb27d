# SPDX-License-Identifier: Apache-2.0
"""Directories and attributes of configfs: made, written, read, linked, removed.

The interface is that of drivers/nvme/target/configfs.c in Linux. A directory that is made there is
an object of the kernel's, and comes with attributes (files) and with directories for what belongs
to it.
"""

from __future__ import annotations

import os
from pathlib import Path

#: Where the kernel shows its configfs.
CONFIGFS = Path("/sys/kernel/config")
#: Single system calls, of which tests have their own.
MKDIR, RMDIR, SYMLINK = os.mkdir, os.rmdir, os.symlink
MODES = ("lookup", "create", "any")


class CFSError(Exception):
    """The kernel, or this module, does not do what was asked for."""


class CFSNotFound(CFSError):
    """There is no such object."""


def top() -> Path:
    """Return the directory of the kernel's NVMe targets."""
    return CONFIGFS / "nvmet"


def told(path: Path, what: str, error: OSError) -> CFSError:
    """Return the error of `what` at `path`."""
    return CFSError(f"{path}: cannot {what}: {error.strerror}")


def make(path: Path) -> None:
    """Make a directory; raises CFSError, also where there is one."""
    try:
        MKDIR(path)
    except OSError as error:
        raise told(path, "make it", error) from error


def remove(path: Path) -> None:
    """Remove a directory with the attributes in it; raises CFSError."""
    try:
        RMDIR(path)
    except OSError as error:
        raise told(path, "remove it", error) from error


def listed(path: Path) -> list[str]:
    """Return the names in a directory, sorted; none where it is not there. Raises CFSError."""
    try:
        return sorted(entry.name for entry in path.iterdir())
    except FileNotFoundError:
        return []
    except OSError as error:
        raise told(path, "list it", error) from error


def read(path: Path) -> str:
    """Return the value of an attribute; raises CFSError."""
    try:
        return path.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise told(path, "read it", error) from error


def write(path: Path, value: object) -> None:
    """Set an attribute; raises CFSError, also where the kernel knows none of that name."""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY), "w", encoding="utf-8") as stream:
            stream.write(str(value))
    except OSError as error:
        raise told(path, f"set it to {value}", error) from error


def link(path: Path, target: Path) -> None:
    """Link an object to where it is to be used; raises CFSError."""
    try:
        SYMLINK(target, path)
    except OSError as error:
        raise told(path, "link it", error) from error


def unlink(path: Path) -> None:
    """Take such a link away; raises CFSError."""
    try:
        path.unlink()
    except OSError as error:
        raise told(path, "take the link away", error) from error
