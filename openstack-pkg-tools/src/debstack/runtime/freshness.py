# SPDX-License-Identifier: Apache-2.0
"""Whether what a running service reads has changed since it started. Reads modification times."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from debstack.runtime.ceph import files
from debstack.runtime.context import Context
from debstack.spec.vocabulary import Manifest

DPKG_INFO = "/var/lib/dpkg/info"
_SUFFIXES = (".conf", ".ini", ".py")


def modified(path: Path) -> datetime | None:
    """Return when `path` was last modified; None if it is not there."""
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, tz=UTC)
    except OSError:
        return None


def _folder(folder: Path) -> Iterator[Path]:
    """Yield a drop-in folder itself, since a removed file only shows there, and its files."""
    if folder.is_dir():
        yield folder
        yield from (p for p in sorted(folder.iterdir()) if p.suffix in _SUFFIXES)


def configuration(context: Context, manifest: Manifest, unit: str) -> Iterator[Path]:
    """Yield the configuration files that `unit` reads, and the folders that they lie in."""
    own = context.path(f"/etc/{manifest.user}")
    if own.is_dir():
        yield from (p for p in sorted(own.iterdir()) if p.suffix in _SUFFIXES and p.is_file())
    yield from _folder(own / f"{unit}-uwsgi.d")
    for other in context.manifests:
        if other.source == manifest.source:
            for config in other.package.config.values():
                yield from _folder(context.path(config.directory))
            if other.package.ceph is not None:
                yield from files.written(context.root, other.user)


def code(context: Context, manifest: Manifest) -> Iterator[Path]:
    """Yield dpkg's lists of the packages that a unit runs: rewritten with each unpacking."""
    info = context.path(DPKG_INFO)
    for package in (manifest.binary, *manifest.package.code_packages):
        yield info / f"{package}.list"
        yield from sorted(info.glob(f"{package}:*.list"))


def newest(paths: Iterable[Path], since: datetime) -> Path | None:
    """Return the one of `paths` that was modified last, if it was so after `since`.

    A file goes before a folder: writing a file changes its folder too.
    """
    found: tuple[bool, datetime, Path] | None = None
    for path in paths:
        when = modified(path)
        if when is None or when <= since:
            continue
        candidate = (not path.is_dir(), when, path)
        if found is None or candidate > found:
            found = candidate
    return found[2] if found else None
