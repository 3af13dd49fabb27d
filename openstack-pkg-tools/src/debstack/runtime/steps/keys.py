# SPDX-License-Identifier: Apache-2.0
"""keys:<name>: a directory of Fernet keys, as Keystone reads it."""

from __future__ import annotations

import base64
import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from debstack.base.errors import ConfigurationError
from debstack.base.secret import Secret
from debstack.runtime.accounts import ids_of
from debstack.runtime.context import Context
from debstack.runtime.step import Change, Step

DIRECTORY_MODE = 0o700
KEY_MODE = 0o600
KEY_BYTES = 32
STAGED, PRIMARY = "0", "1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A file or directory as it is."""

    uid: int
    gid: int
    mode: int


def fernet_key() -> Secret:
    """Return a new key in the form that a Fernet repository keeps it."""
    return Secret(base64.urlsafe_b64encode(os.urandom(KEY_BYTES)).decode())


def plan(entries: dict[str, Entry], uid: int, gid: int) -> tuple[bool, tuple[str, ...]]:
    """Return whether keys have to be made, and which entries have a wrong owner or mode.

    `entries` maps names in the directory to what they are, the directory itself being ".".
    Keys are made only where there is not a single one: whatever is there was made by somebody.
    """
    make = not any(name.isdigit() for name in entries)
    wrong = []
    for name, entry in sorted(entries.items()):
        if name != "." and not name.isdigit():
            continue
        mode = DIRECTORY_MODE if name == "." else KEY_MODE
        if (entry.uid, entry.gid, entry.mode) != (uid, gid, mode):
            wrong.append(name)
    return make, tuple(wrong)


def _read(directory: Path) -> dict[str, Entry]:
    if not directory.is_dir():
        return {}
    entries: dict[str, Entry] = {}
    for path in [directory, *directory.iterdir()]:
        found = path.lstat()
        name = "." if path == directory else path.name
        entries[name] = Entry(uid=found.st_uid, gid=found.st_gid, mode=found.st_mode & 0o7777)
    return entries


class KeysStep(Step):
    """One key repository."""

    def __init__(self, name: str, directory: Path, user: str) -> None:
        self.id = f"keys:{name}"
        self.needs = frozenset({"files:site"})
        self._name = name
        self._directory = directory
        self._user = user

    def changes(self) -> Sequence[Change]:
        """See Step. Raises ConfigurationError."""
        uid, gid = ids_of(self._user, self._directory)
        try:
            make, wrong = plan(_read(self._directory), uid, gid)
        except OSError as error:
            raise ConfigurationError(
                f"{self._directory}: cannot be read ({error.strerror})"
            ) from error
        changes = []
        if make:
            changes.append(Change(summary=self._made(), perform=self._make))
        for name in wrong:
            path = self._directory / name
            summary = f"give {path} to {self._user} alone"
            changes.append(Change(summary=summary, perform=partial(self._own, path)))
        return changes

    def _made(self) -> str:
        return f"make {self._name} keys in {self._directory}"

    def _make(self) -> None:
        """Make both keys beside the directory, then move it there: it never holds one alone."""
        fresh = self._directory.with_name(f".{self._directory.name}.debstack")
        try:
            shutil.rmtree(fresh, ignore_errors=True)  # what a killed run left
            fresh.mkdir(mode=DIRECTORY_MODE, parents=True)
            for name in (STAGED, PRIMARY):
                self._write(fresh / name)
            self._own(fresh)
            if self._directory.is_dir():
                self._directory.rmdir()
            fresh.rename(self._directory)
        except OSError as error:
            shutil.rmtree(fresh, ignore_errors=True)
            raise ConfigurationError(
                f"{self._directory}: keys cannot be made ({error.strerror})",
                hint="it must be a directory without other files, on a disk with space; "
                "then run: debstack apply",
            ) from error

    def _write(self, path: Path) -> None:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, KEY_MODE)
        with os.fdopen(descriptor, "w") as file:
            file.write(fernet_key())
            file.flush()
            os.fsync(file.fileno())
        self._own(path)

    def _own(self, path: Path) -> None:
        uid, gid = ids_of(self._user, self._directory)
        # Closed before it is given away, so that nobody else reads it in between.
        path.chmod(DIRECTORY_MODE if path.is_dir() else KEY_MODE)
        os.chown(path, uid, gid, follow_symlinks=False)

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [self._made()]


def build(context: Context) -> list[Step]:
    """Return a step for each key repository that the packages of this machine declare."""
    return [
        KeysStep(name, context.path(repository.path), manifest.user)
        for manifest in context.manifests
        for name, repository in sorted(manifest.package.key_repository.items())
    ]
