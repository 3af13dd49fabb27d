# SPDX-License-Identifier: Apache-2.0
"""Upstream source releases: a cache keyed by checksum, filled from the package index."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from pathlib import Path

from debstack.base.errors import DebstackError
from pipeline.index import Indexes, IndexFile, fetch, pip_indexes, project_files
from pipeline.series import Sdist
from pipeline.tree import cache_dir, locked, sha256_file


def checksum_error(file: str, place: str, wanted: str, found: str) -> DebstackError:
    """Return the error for a file whose content is not the pinned one; it names both sums."""
    return DebstackError(
        f"{file}: wrong SHA-256\n    expected {wanted}\n    found    {found}\n    in       {place}",
        hint="if upstream replaced the release, verify it and change sha256 in packages/series; "
        "a damaged file in the cache is yours to remove",
    )


def _download(file: IndexFile, ca: str) -> bytes:
    try:
        return fetch(file.url, ca=ca)[1]
    except OSError as error:
        raise DebstackError(f"{file.name}: cannot fetch it: {error}") from error


def _fetch(sdist: Sdist, project: str, indexes: Indexes) -> tuple[bytes, str]:
    offered = [file for file in project_files(project, indexes) if file.name == sdist.file]
    if not offered:
        raise DebstackError(
            f"{sdist.file}: the package index has {project}, but not this file",
            hint="check version and file of the source in packages/series",
        )
    return _download(offered[0], indexes.ca), offered[0].url


def fetch_sdist(source: str, sdist: Sdist, *, indexes: Callable[[], Indexes] = pip_indexes) -> Path:
    """Return the path of the pinned file in the cache; without network where it is there already.

    Raises DebstackError where it cannot be had or its checksum is not the pinned one.
    """
    path = cache_dir("sdists") / sdist.sha256 / sdist.file
    with locked(f"sdist-{sdist.sha256}"):
        if path.is_file():
            found = sha256_file(path)
            if found != sdist.sha256:
                raise checksum_error(sdist.file, os.fspath(path), sdist.sha256, found)
            return path
        content, url = _fetch(sdist, sdist.project or source, indexes())
        found = hashlib.sha256(content).hexdigest()
        if found != sdist.sha256:
            raise checksum_error(sdist.file, url, sdist.sha256, found)
        path.parent.mkdir(exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        part.write_bytes(content)
        part.replace(path)
    return path


def fetch_release(project: str, file: IndexFile, indexes: Indexes) -> Path:
    """Return the path of a file that an index offers, for reading what it declares.

    It is cached under the checksum the index states; without one, under the sum of what came.
    """
    if file.sha256:
        pinned = Sdist(version="", file=file.name, sha256=file.sha256, project=project)
        return fetch_sdist(project, pinned, indexes=lambda: indexes)
    content = _download(file, indexes.ca)
    path = cache_dir("sdists", hashlib.sha256(content).hexdigest()) / file.name
    path.write_bytes(content)
    return path
