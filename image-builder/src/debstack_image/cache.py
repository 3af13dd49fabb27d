# SPDX-License-Identifier: Apache-2.0
"""Trees of installed packages, kept by what they are made of; safe with several builds at once."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from debstack.base.errors import CommandError
from debstack.base.run import run
from debstack_image.manifest import sha256

_TIMEOUT_S = 1800.0
_TAR = ("--numeric-owner", "--xattrs", "--xattrs-include=*", "--acls")


def default_folder() -> Path:
    """Return the user's cache folder for images."""
    top = os.environ.get("XDG_CACHE_HOME") or Path(os.environ.get("HOME", "/root")) / ".cache"
    return Path(top).absolute() / "debstack-image"


def index_lock(key: str) -> str:
    """Return the name of the lock for an index and its packages."""
    return f"index-{key}"


def _mark(archive: Path) -> Path:
    """Return the file that says of an archive that it is whole."""
    return archive.with_name(archive.name.replace(".tar.zst", ".json"))


@dataclass(frozen=True, slots=True)
class _Kept:
    """Files that go together, when they were used last, and how many bytes they take."""

    paths: tuple[Path, ...]
    used: float
    size: int

    @classmethod
    def of(cls, witness: Path, *paths: Path) -> _Kept:
        """Return what `paths` are, of those that are files; `witness` has the time of its use."""
        files = tuple(path for path in paths if path.is_file())
        used = witness.stat().st_mtime if witness.exists() else 0.0
        return cls(files, used, sum(path.stat().st_size for path in files))


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder with indices, downloaded packages and unpacked bases."""

    folder: Path

    def _lock_file(self, name: str) -> Path:
        folder = self.folder / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        return folder / name

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold a lock; another build that wants the same one waits. It goes with its process."""
        with self._lock_file(name).open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _if_free(self, name: str) -> Iterator[bool]:
        """Hold a lock unless another build has it; give whether it is held."""
        with self._lock_file(name).open("w") as stream:
            try:
                fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True

    def index(self, key: str) -> Path:
        """Return the folder for an index and the packages downloaded by it."""
        return self.folder / "index" / key

    def _entry(self, key: str) -> tuple[Path, Path]:
        archive = self.folder / "base" / f"{key}.tar.zst"
        return archive, _mark(archive)

    def take(self, key: str, target: Path) -> bool:
        """Unpack the base `key` to `target`; return whether it was there and whole."""
        archive, mark = self._entry(key)
        try:
            expected = json.loads(mark.read_text(encoding="utf-8"))["sha256"]
            if sha256(archive) != expected:
                raise ValueError("not what was written")
            target.mkdir()
            argv = [
                "tar",
                "--extract",
                "--zstd",
                "--file",
                str(archive),
                "--directory",
                str(target),
            ]
            run([*argv, "--same-permissions", "--same-owner", *_TAR], timeout_s=_TIMEOUT_S)
        except FileNotFoundError:
            return False
        except (ValueError, KeyError, TypeError, CommandError):
            # Cut short, or changed since: it is built again, as if it had never been there.
            self.forget(key)
            shutil.rmtree(target, ignore_errors=True)
            return False
        for path in (archive, mark):
            os.utime(path)
        return True

    def put(self, key: str, source: Path) -> None:
        """Keep the tree `source` as `key`; the mark is written last, so that no half counts.

        Whoever calls this holds the lock "base".
        """
        archive, mark = self._entry(key)
        archive.parent.mkdir(parents=True, exist_ok=True)
        # Of builds that were killed: whoever writes here holds the lock.
        for left in archive.parent.glob("*.part"):
            left.unlink()
        part = archive.with_suffix(".part")
        try:
            argv = ["tar", "--create", "--file", str(part), "--directory", str(source), *_TAR]
            run([*argv, "--use-compress-program=zstd -q -1 -T0", "."], timeout_s=_TIMEOUT_S)
            checksum = sha256(part)
            mark.unlink(missing_ok=True)
            part.rename(archive)
            mark.write_text(json.dumps({"sha256": checksum}), encoding="utf-8")
        finally:
            part.unlink(missing_ok=True)

    def forget(self, key: str) -> None:
        """Remove the base `key`."""
        for path in self._entry(key):
            path.unlink(missing_ok=True)

    def shrink(self, limit: int) -> None:
        """Remove what was used longest ago until at most `limit` bytes are taken.

        What another build is using stays: the packages and lists of an index that is locked.
        """
        with ExitStack() as stack:
            bases = self.folder.glob("base/*.tar.zst")
            found = [_Kept.of(path, path, _mark(path)) for path in bases]
            for folder in self.folder.glob("index/*"):
                if stack.enter_context(self._if_free(index_lock(folder.name))):
                    packages = folder.glob("cache/archives/*.deb")
                    found += [_Kept.of(path, path) for path in packages]
                    lists = (folder / "lib" / "lists").glob("*")
                    found.append(_Kept.of(folder / "apt.conf", *lists))
            total = sum(each.size for each in found)
            for each in sorted(found, key=lambda each: each.used):
                if total <= limit:
                    return
                for path in each.paths:
                    path.unlink(missing_ok=True)
                total -= each.size
