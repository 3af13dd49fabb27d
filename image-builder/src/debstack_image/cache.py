# SPDX-License-Identifier: Apache-2.0
"""Trees of installed packages, kept by what they are made of; safe with several builds at once."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
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


@dataclass(frozen=True, slots=True)
class Cache:
    """A folder with indices, downloaded packages and unpacked bases."""

    folder: Path

    @contextmanager
    def locked(self, name: str) -> Iterator[None]:
        """Hold a lock; another build that wants the same one waits. It goes with its process."""
        folder = self.folder / "locks"
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / name).open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            yield

    def index(self, key: str) -> Path:
        """Return the folder for an index and the packages downloaded by it."""
        return self.folder / "index" / key

    def _entry(self, key: str) -> tuple[Path, Path]:
        folder = self.folder / "base"
        return folder / f"{key}.tar.zst", folder / f"{key}.json"

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
        except (ValueError, KeyError, CommandError):
            # Cut short, or changed since: it is built again, as if it had never been there.
            self.forget(key)
            shutil.rmtree(target, ignore_errors=True)
            return False
        for path in (archive, mark):
            os.utime(path)
        return True

    def put(self, key: str, source: Path) -> None:
        """Keep the tree `source` as `key`; the mark is written last, so that no half counts."""
        archive, mark = self._entry(key)
        archive.parent.mkdir(parents=True, exist_ok=True)
        part = archive.with_suffix(f".{os.getpid()}.part")
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
        """Remove what was used longest ago until at most `limit` bytes are taken."""
        found = []
        for pattern in ("base/*.tar.zst", "index/*/cache/archives/*.deb"):
            for path in self.folder.glob(pattern):
                status = path.stat()
                found.append((status.st_mtime, status.st_size, path))
        total = sum(size for _, size, _ in found)
        for _, size, path in sorted(found):
            if total <= limit:
                return
            path.unlink(missing_ok=True)
            if path.suffix == ".zst":
                path.with_name(path.name.replace(".tar.zst", ".json")).unlink(missing_ok=True)
            total -= size
