# SPDX-License-Identifier: Apache-2.0
"""Where things are: this tree, what is built from it, and the cache outside it."""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.run import run

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build"


def cache_dir(*parts: str) -> Path:
    """Return (and make) a folder of the cache: $DEBSTACK_CACHE, else debstack in the user's."""
    user = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    top = os.environ.get("DEBSTACK_CACHE") or Path(user) / "debstack"
    if re.search(r"[\s:,\\]", os.fspath(top)):
        raise DebstackError(
            f"DEBSTACK_CACHE: expected a path without blanks, commas and colons, found {top}",
            hint="overlay mounts cannot take such a path; choose another folder",
        )
    path = Path(top).absolute().joinpath(*parts)
    path.mkdir(parents=True, exist_ok=True)
    return path


@contextmanager
def locked(name: str) -> Iterator[None]:
    """Hold the lock `name` of the cache; another process of ours that wants it waits."""
    path = cache_dir("locks") / name
    with path.open("w") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


@contextmanager
def scratch_folder(name: str, parent: Path | None = None) -> Iterator[Path]:
    """Give a folder in `parent`, or of the cache's file system, that goes with the context.

    A killed process leaves its own behind; remove_dead_scratch finds it by the process id.
    """
    place = parent or cache_dir("work")
    path = Path(tempfile.mkdtemp(prefix=f"{os.getpid()}.{name}-", dir=place))
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _alive(process: str) -> bool:
    try:
        status = Path("/proc", process, "stat").read_text(encoding="utf-8")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[0] not in {"Z", "X"}


def remove_dead_scratch(name: str = "", parent: Path | None = None) -> None:
    """Remove scratch folders of processes that are gone: those called `name` in a `parent`."""
    for path in (parent or cache_dir("work")).glob(f"*.{name}-*" if parent else "*"):
        if not _alive(path.name.partition(".")[0]):
            shutil.rmtree(path, ignore_errors=True)


def sha256_file(path: Path) -> str:
    """Return the SHA-256 of a file's content, in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def tree_files(folder: Path) -> list[Path]:
    """Return the files below `folder` that belong to the tree, sorted: what git does not ignore.

    Without git's metadata (a tree unpacked from a tarball) they are all files but byte code.
    """
    if (ROOT / ".git").exists():
        git = ["git", "-c", f"safe.directory={ROOT}"]
        listed = run(
            [*git, "ls-files", "-z", "-co", "--exclude-standard", "--", os.fspath(folder)], cwd=ROOT
        ).stdout
        found = [ROOT / name for name in listed.split("\0") if name]
    else:
        found = [path for path in folder.rglob("*") if "__pycache__" not in path.parts]
    return sorted(path for path in set(found) if path.is_file() or path.is_symlink())
