# SPDX-License-Identifier: Apache-2.0
"""Writing files so that they are either the old or the new one, whole, whatever happens."""

from __future__ import annotations

import errno
import grp
import os
import pwd
import stat
from dataclasses import dataclass, field
from pathlib import Path

from debstack.base.errors import ConfigurationError

_REMEDIES = {
    errno.ENOSPC: "free some space on the file system of {folder}",
    errno.EDQUOT: "raise the disk quota for {folder}",
    errno.EROFS: "mount the file system of {folder} writable",
    errno.EACCES: "make {folder} writable for root",
    errno.EPERM: "look for an immutable flag (lsattr) on {path} and remove it",
    errno.ENOTDIR: "make {folder} a directory",
    errno.EISDIR: "remove the directory {path}: a file belongs there",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class WantedFile:
    """A file as it is to be. Empty `owner` or `group` mean those of the running process."""

    path: Path
    content: str = field(repr=False)
    mode: int = 0o644
    owner: str = ""
    group: str = ""


def refusal(path: Path, error: OSError) -> ConfigurationError:
    """Return the error that tells why `path` could not be written and what to do about it."""
    remedy = _REMEDIES.get(error.errno or 0, "put right what stands in the way at {folder}")
    return ConfigurationError(
        f"{path}: cannot be written: {os.strerror(error.errno or errno.EIO)}",
        hint=f"{remedy.format(folder=path.parent, path=path)}, then run: debstack apply",
    )


def _ids(wanted: WantedFile) -> tuple[int, int]:
    try:
        uid = pwd.getpwnam(wanted.owner).pw_uid if wanted.owner else os.geteuid()
        gid = grp.getgrnam(wanted.group).gr_gid if wanted.group else os.getegid()
    except KeyError as error:
        raise ConfigurationError(
            f"{wanted.path}: cannot be written: {error.args[0]}",
            hint="the package that brings this account is not configured: run dpkg --configure -a",
        ) from error
    return uid, gid


def difference(wanted: WantedFile) -> str:
    """Return how the file differs: `missing`, `content`, `owner`, `mode`, or an empty string."""
    uid, gid = _ids(wanted)
    try:
        found = wanted.path.lstat()
        if not stat.S_ISREG(found.st_mode):
            return "content"
        with wanted.path.open("rb") as stream:
            content = stream.read()
    except FileNotFoundError:
        return "missing"
    except OSError as error:
        raise refusal(wanted.path, error) from error
    if content != wanted.content.encode():
        return "content"
    if (found.st_uid, found.st_gid) != (uid, gid):
        return "owner"
    return "mode" if stat.S_IMODE(found.st_mode) != wanted.mode else ""


def told(how: str, path: str) -> str:
    """Return the summary of a change that puts right `how` (see difference) `path` differs."""
    return f"write {path}" if how in ("missing", "content") else f"put right the {how} of {path}"


def _flush_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _write(wanted: WantedFile, temporary: Path) -> None:
    uid, gid = _ids(wanted)
    # A fixed name: what a killed run left is replaced, not added to. O_EXCL and O_NOFOLLOW see to
    # it that nobody else's file or link is written through.
    temporary.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
    descriptor = os.open(temporary, flags, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(wanted.content.encode())
        stream.flush()
        os.fchown(descriptor, uid, gid)
        os.fchmod(descriptor, wanted.mode)
        os.fsync(descriptor)
    temporary.replace(wanted.path)
    _flush_folder(wanted.path.parent)


def write(wanted: WantedFile) -> None:
    """Make the file as wanted, atomically and durably; a symbolic link is replaced, not followed.

    Missing folders are made (0755). Raises ConfigurationError, and leaves nothing behind then.
    """
    temporary = wanted.path.parent / f".{wanted.path.name}.debstack-new"
    try:
        wanted.path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            _write(wanted, temporary)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise refusal(wanted.path, error) from error


def make_folder(path: Path, mode: int = 0o700) -> None:
    """Make the folder `path` with `mode`, and its parents. Raises ConfigurationError."""
    try:
        path.mkdir(mode=mode, parents=True, exist_ok=True)
    except OSError as error:
        raise refusal(path, error) from error


def remove(path: Path) -> None:
    """Remove the file `path` if it is there. Raises ConfigurationError."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        raise refusal(path, error) from error


def read_text(path: Path) -> str | None:
    """Return the text of `path`, None if it does not exist. Raises ConfigurationError."""
    try:
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    except UnicodeDecodeError as error:
        raise ConfigurationError(
            f"{path}: cannot be read: not UTF-8 (byte {error.start})",
            hint=f"convert {path} to UTF-8",
        ) from error
    except OSError as error:
        raise ConfigurationError(
            f"{path}: cannot be read: {os.strerror(error.errno or errno.EIO)}",
            hint="run this as root" if error.errno == errno.EACCES else None,
        ) from error
