# SPDX-License-Identifier: Apache-2.0
"""Packages for nodes, which have no network: our repository, and the .debs Debian has to give."""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from debstack.base.errors import CommandError
from pipeline.root import ARCHIVES, Root, overlay
from pipeline.tree import cache_dir, locked
from testbed.base import ensure_base, ensure_lists, new_layer
from testbed.places import TestbedError, cache, read_json, write_json
from testbed.record import Bind

log = logging.getLogger(__name__)

#: Where nodes see our repository.
REPOSITORY = "/srv/debstack-repo"
_SOURCES = "etc/apt/sources.list.d/debstack.sources"
_DOWNLOAD = re.compile(r"^'https?:[^']*' (\S+\.deb) \d+ ", re.MULTILINE)

#: Reads the lists of our repository alone; those of Debian stay as they are.
UPDATE_OURS = (
    "apt-get",
    "-q",
    "update",
    "-o",
    f"Dir::Etc::SourceList=/{_SOURCES}",
    "-o",
    "Dir::Etc::SourceParts=-",
    "-o",
    "APT::Get::List-Cleanup=0",
    "--error-on=any",
)
#: Prints, after the download, everything that belongs to it, also what was there before.
_FETCH = """
set -eu
apt-get -q -y --download-only -o APT::Sandbox::User=root -o Acquire::Retries=3 install "$@" >&2
mkdir -p /run/none/partial
apt-get -q -y --print-uris -o Dir::Cache::Archives=/run/none install "$@"
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Supply:
    """What a node needs to install packages: layers below it (uppermost first) and binds."""

    layers: tuple[Path, ...]
    binds: tuple[Bind, ...] = ()


def sources_text(repository: Path) -> str:
    """Return the deb822 text that adds the repository in the folder `repository` to a node's apt.

    Raises TestbedError where the folder holds no repository.
    """
    suites = sorted(path.parent.name for path in repository.glob("dists/*/InRelease"))
    keys = sorted(path.name for path in repository.glob("*keyring.asc"))
    if not suites or len(keys) != 1:
        raise TestbedError(
            f"{repository}: expected a signed apt repository, found suites {suites}, keys {keys}",
            hint="build it: make build",
        )
    return (
        f"Types: deb\nURIs: file:{REPOSITORY}\nSuites: {' '.join(suites)}\nComponents: main\n"
        f"Signed-By: {REPOSITORY}/{keys[0]}\n"
    )


def repository_state(repository: Path) -> str:
    """Return a digest that changes with what the repository offers."""
    digest = hashlib.sha256(sources_text(repository).encode())
    for path in sorted(repository.glob("dists/*/Release")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def debs_folder() -> Path:
    """Return the host's folder of .debs that nodes and builds share."""
    return cache_dir("apt", "archives")


def supply(
    packages: Sequence[str] = (), *, repository: Path | None = None, refresh: bool = False
) -> Supply:
    """Return what a new node needs so that `packages` can be installed in it without a network.

    Their .debs, dependencies and recommendations included, are fetched from the host's mirror
    unless they were before for the same lists and the same state of `repository`, the folder of a
    signed apt repository that nodes see at REPOSITORY. `refresh` fetches apt's lists anew.
    Raises TestbedError where apt cannot find what it needs.
    """
    base = ensure_base()
    lists = ensure_lists(base, refresh=refresh)
    layers: tuple[Path, ...] = (lists, base)
    binds: tuple[Bind, ...] = ()
    if repository is not None:
        folder = repository.resolve()
        binds = (Bind(source=folder, target=REPOSITORY),)
        layers = (_repository_layer(folder, layers), *layers)
    if packages:
        _fetch(packages, layers, binds)
    return Supply(layers=layers, binds=binds)


def _repository_layer(folder: Path, below: tuple[Path, ...]) -> Path:
    """Return the layer with our repository in apt's sources and lists."""
    text = sources_text(folder)
    key = _digest([repository_state(folder), [os.fspath(path) for path in below]])
    path = cache() / f"repository-{key}"
    with locked(f"testbed-repository-{key}"):
        if path.is_dir():
            os.utime(path)
            return path
        with overlay(below, {folder: REPOSITORY}) as root:
            root.upper.chmod(0o755)
            sources = new_layer(root.upper / "etc/apt/sources.list.d") / Path(_SOURCES).name
            for parent in (root.upper / "etc", root.upper / "etc/apt"):
                parent.chmod(0o755)
            sources.write_text(text, encoding="utf-8")
            sources.chmod(0o644)
            _apt(root, UPDATE_OURS, "reading the lists of our repository")
            for left in ("etc/hosts", "etc/resolv.conf"):  # the host's, put there to fetch things
                (root.upper / left).unlink(missing_ok=True)
            root.upper.rename(path)
    return path


def _fetch(packages: Sequence[str], layers: tuple[Path, ...], binds: tuple[Bind, ...]) -> None:
    key = _digest([sorted(packages), [os.fspath(path) for path in layers]])
    record = cache("fetched") / f"{key}.json"
    known: list[str] | None = read_json(record)
    folder = debs_folder()
    if known is not None and all((folder / name).is_file() for name in known):
        return
    log.info("fetching packages for %s", " ".join(packages))
    shown = {bind.source: bind.target for bind in binds}
    with overlay(layers, {**shown, folder: ARCHIVES}) as root, locked("apt-archives"):
        printed = _apt(root, ("sh", "-c", _FETCH, "sh", *packages), "fetching packages")
    write_json(record, sorted(set(_DOWNLOAD.findall(printed))))


def _apt(root: Root, command: Sequence[str], what: str) -> str:
    try:
        return root.run(command, network=True)[1]
    except CommandError as error:
        raise TestbedError(
            "\n    ".join([f"{what}: exit code {error.code}", *error.tail]),
            hint="if the mirror has moved on, fetch new lists: python3 -m testbed refresh",
        ) from error


def _digest(content: object) -> str:
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
