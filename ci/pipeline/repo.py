# SPDX-License-Identifier: Apache-2.0
"""The signed apt repository that the built packages make: build/repo."""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from debstack.base.run import run
from pipeline.build import Built, build_all, make_plan
from pipeline.series import Series, current_series
from pipeline.tree import BUILD, cache_dir, locked, sha256_file

KEYRING = "debstack-archive-keyring.asc"
COMPONENT = "main"
ARCHITECTURES = ("amd64", "arm64")
_KEY_NAME = "debstack local archive"
_KEPT_S = 4 * 3600
_POOLED = (".deb", ".dsc", ".tar.gz", ".tar.xz", ".tar.bz2")


def suite_name(series: Series) -> str:
    """Return the repository's suite: Debian's and the series', such as trixie-gazpacho."""
    return f"{series.suite}-{series.codename.lower()}"


@contextmanager
def _gpg() -> Iterator[list[str]]:
    """Give the gpg command of the local key, which is made if there is none; no agent stays."""
    home = cache_dir("key")
    home.chmod(0o700)
    gpg = ["gpg", "--homedir", os.fspath(home), "--batch", "--quiet", "--no-tty"]
    with locked("key"):  # else it kills the agent of another build that signs
        try:
            if not run([*gpg, "--list-secret-keys", _KEY_NAME], check=False).stdout:
                make = [
                    "--passphrase",
                    "",
                    "--quick-generate-key",
                    _KEY_NAME,
                    "ed25519",
                    "sign",
                    "never",
                ]
                run([*gpg, *make])
            yield gpg
        finally:
            run(["gpgconf", "--homedir", os.fspath(home), "--kill", "all"])


def _fill_pool(builds: Iterable[Built], top: Path) -> str:
    """Copy the files of all builds to pool/; return a digest of what is there."""
    digest = hashlib.sha256()
    for built in sorted(builds, key=lambda b: b.source.name):
        folder = top / "pool" / built.source.name
        folder.mkdir(parents=True)
        for file in built.files(*_POOLED):
            shutil.copyfile(file, folder / file.name)
            digest.update(f"{file.name} {sha256_file(file)}\n".encode())
    return digest.hexdigest()


def _write_index(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    packed = path.with_name(path.name + ".gz")
    packed.write_bytes(gzip.compress(text.encode(), mtime=0))
    for file in (path, packed):
        by_hash = path.parent / "by-hash" / "SHA256"
        by_hash.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, by_hash / hashlib.sha256(file.read_bytes()).hexdigest())


def _write_indexes(top: Path, dist: Path) -> None:
    for architecture in ARCHITECTURES:
        listing = run(
            ["apt-ftparchive", "--arch", architecture, "packages", "pool"], cwd=top
        ).stdout
        _write_index(dist / COMPONENT / f"binary-{architecture}" / "Packages", listing)
    sources = run(["apt-ftparchive", "sources", "pool"], cwd=top).stdout
    _write_index(dist / COMPONENT / "source" / "Sources", sources)


def release_argv(series: Series, dist: Path) -> list[str]:
    """Return the command that prints the Release file of the indexes below `dist`."""
    fields = {
        "Origin": "debstack",
        "Label": "debstack",
        "Suite": suite_name(series),
        "Codename": suite_name(series),
        "Architectures": " ".join(ARCHITECTURES),
        "Components": COMPONENT,
        "Acquire-By-Hash": "yes",
        "Description": f"OpenStack {series.series} {series.codename} for Debian {series.suite}",
    }
    options = [f"-oAPT::FTPArchive::Release::{name}={value}" for name, value in fields.items()]
    options += ["-oAPT::FTPArchive::DoByHash=0"]
    options += [f"-oAPT::FTPArchive::Release::{sum_}=false" for sum_ in ("MD5", "SHA1", "SHA512")]
    return ["apt-ftparchive", *options, "release", os.fspath(dist)]


def _sign(dist: Path, top: Path) -> None:
    with _gpg() as gpg:
        release = os.fspath(dist / "Release")
        run([*gpg, "--clearsign", "--output", os.fspath(dist / "InRelease"), release])
        run([*gpg, "--armor", "--detach-sign", "--output", f"{release}.gpg", release])
        run([*gpg, "--armor", "--output", os.fspath(top / KEYRING), "--export", _KEY_NAME])


def _forget_old(store: Path) -> None:
    """Remove repositories that were replaced hours ago; a node may still read a younger one."""
    dated = sorted(store.iterdir(), key=lambda path: path.stat().st_mtime)
    for old in dated[:-2]:
        if old.stat().st_mtime < time.time() - _KEPT_S:
            shutil.rmtree(old)


def write_repository(builds: Mapping[str, Built], series: Series) -> Path:
    """Make build/repo from the builds, all at once; return its path.

    build/repo is a link that changes in one step, so that a reader sees the old repository or
    the new one; the one before stays for those who have it open. Unchanged content changes nothing.
    """
    link, store = BUILD / "repo", BUILD / "repos"
    store.mkdir(parents=True, exist_ok=True)
    with locked("repo-" + hashlib.sha256(os.fspath(BUILD).encode()).hexdigest()[:12]):
        new = store / "new"
        shutil.rmtree(new, ignore_errors=True)
        digest = _fill_pool(builds.values(), new)
        target = store / f"{series.series}-{digest[:16]}"
        if target.is_dir():
            shutil.rmtree(new)
            os.utime(target)
        else:
            dist = new / "dists" / suite_name(series)
            _write_indexes(new, dist)
            release = run(release_argv(series, dist)).stdout
            (dist / "Release").write_text(release, encoding="utf-8")
            _sign(dist, new)
            new.rename(target)
        fresh = store / "link"
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(target.relative_to(BUILD))
        fresh.replace(link)
        _forget_old(store)
    return link


def build_repository() -> Path:
    """Build every source package (what is unchanged comes from the cache) into build/repo.

    Returns its path. Raises DebstackError where a build fails; build/repo stays as it was then.
    """
    series = current_series()
    return write_repository(build_all(make_plan(series)), series)


def sources_text(series: Series, uri: str) -> str:
    """Return the deb822 text for /etc/apt/sources.list.d that adds the repository at `uri`.

    The key stands in it, so that this one file is all another machine needs.
    """
    key = (BUILD / "repo" / KEYRING).read_text(encoding="utf-8").strip()
    lines = "\n".join(f" {line}" if line else " ." for line in key.splitlines())
    return (
        f"Types: deb deb-src\nURIs: {uri}\nSuites: {suite_name(series)}\n"
        f"Components: {COMPONENT}\nSigned-By:\n{lines}\n"
    )
