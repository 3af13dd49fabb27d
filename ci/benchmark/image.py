# SPDX-License-Identifier: Apache-2.0
"""Measuring the image builder; a bare mmdebstrap of the same packages and peers beside it."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmark import image_peers
from benchmark.failure import attempted, log_kept
from benchmark.figure import Figure
from benchmark.nearby import Nearby, nearby
from debstack.base.errors import DebstackError
from debstack.base.run import run
from debstack_image.boottest import LOGIN
from debstack_image.emulator import Machine, started
from debstack_image.filesystem import machine_architecture
from debstack_image.index import Index
from debstack_image.parsing import Request
from debstack_image.process import Companion, python_argv
from debstack_image.sources import Sources, plan_sources
from debstack_image.validation import resolved
from pipeline.tree import remove_dead_scratch, scratch_folder

_RELEASE = "trixie"
#: Memory as a file system, and what our folder in it is called.
_MEMORY = Path("/dev/shm")  # noqa: S108 - a folder of our own in it
_NAME = "bench-image"
_POLL_S = 0.1
_MB = 1e6
_TIMEOUT_S = 3600.0


@contextmanager
def _place() -> Iterator[Path]:
    """Give a folder, in memory where there is one; what a killed run left in it goes first."""
    parent = _MEMORY if _MEMORY.is_dir() else None
    remove_dead_scratch(_NAME, parent)
    with scratch_folder(_NAME, parent) as place:
        yield place


def _used(place: Path) -> int:
    """Return how many bytes the build that works in `place` has in use there."""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"debstack_image.inside" not in path.read_bytes():
                continue
            root = path.parent / "root"
            for scratch in place.glob("debstack-image.*"):
                inside = root / scratch.relative_to("/")
                # Before it has a file system of its own: that of all others.
                if inside.stat().st_dev != place.stat().st_dev:
                    found = os.statvfs(inside)
                    return (found.f_blocks - found.f_bfree) * found.f_frsize
        except OSError:  # it has just ended
            continue
    return 0


def _build(place: Path, cache: Path, *arguments: str) -> tuple[float, int]:
    """Build an image in `place`; return the seconds it took and the most that it worked with."""
    argv, environment = python_argv("debstack_image.cli")
    environment |= {"TMPDIR": os.fspath(place), "HOME": os.fspath(place)}
    options = ["--quiet", "--output", os.fspath(place), "--cache-dir", os.fspath(cache)]
    began, peak = time.monotonic(), 0
    log = place / "log"
    companion = Companion([*argv, *options, *arguments], env=environment, log=log)
    try:
        while (code := companion.wait(_POLL_S)) is None:
            peak = max(peak, _used(place))
    except BaseException:
        companion.end()
        raise
    if code:
        raise DebstackError(f"bench: the build failed:\n{log.read_text(encoding='utf-8')}")
    return time.monotonic() - began, peak


def _bare(place: Path, mirror: Nearby, packages: list[str], release: str) -> float:
    """Return the seconds that mmdebstrap takes for a tar of the same packages."""
    sources = place / "bare.sources"
    plan = _sources(mirror, release)
    sources.write_text(plan.build, encoding="utf-8")
    argv = ["mmdebstrap", "--variant=essential", "--format=tar"]
    argv += ['--aptopt=APT::Install-Recommends "false"', '--aptopt=Acquire::Languages "none"']
    argv += [f"--aptopt={line}" for line in plan.settings]
    argv += [f"--include={name}" for name in packages]
    began = time.monotonic()
    tar = place / "bare.tar"
    run([*argv, release, tar, sources], env={"TMPDIR": os.fspath(place)}, timeout_s=_TIMEOUT_S)
    seconds = time.monotonic() - began
    tar.unlink()
    return seconds


def _sources(mirror: Nearby, release: str) -> Sources:
    settings = resolved(Request(values={"release": release, "mirror": mirror.archive}))
    return plan_sources(settings)


def _bring_near(place: Path, mirror: Nearby, packages: list[str]) -> None:
    """Let the mirror have what peers install: the packages, and all that debootstrap takes."""
    options = ['APT::Install-Recommends "false";']
    sources = _sources(mirror, _RELEASE)
    index = Index.make(place / "near", machine_architecture(), sources, options)
    index.update()
    index.download(["?priority(required)", "?priority(important)", *packages])
    shutil.rmtree(index.folder)


def _to_login(image: Path, folder: Path, firmware: str) -> float:
    """Return the seconds from power-on to the prompt of getty."""
    folder.mkdir()
    host = machine_architecture()
    machine = Machine(
        image=image,
        image_format="raw" if image.suffix == ".raw" else "qcow2",
        architecture=host,
        firmware=firmware,
    )
    with started(machine, folder, host) as running:
        return running.wait_for(LOGIN, _TIMEOUT_S)


def _against_peer(peer: image_peers.Peer, place: Path) -> list[Figure]:
    """Measure what a builder takes for an image, how large it is, and how soon it is up."""
    with log_kept(peer.name):
        found = image_peers.measure(peer, place)
        firmware = "uefi" if found.image.suffix == ".raw" else "bios"
        login = _to_login(found.image, place / f"boot-{peer.name}", firmware)
    found.image.unlink()
    return [
        Figure(name=f"image, cold: {peer.name}", value=found.seconds, unit="s"),
        Figure(name=f"image, qcow2 by zstd: {peer.name}", value=found.size / _MB, unit="MB"),
        Figure(name=f"image, login prompt: {peer.name}", value=login, unit="s"),
    ]


def _against_peers(place: Path, mirror: Nearby, packages: list[str]) -> list[Figure]:
    """Measure what other builders take; one that fails does not keep the next from trying."""
    peers = image_peers.peers(mirror, packages)
    _bring_near(place, mirror, sorted({*packages, *(name for p in peers for name in p.also)}))
    found = (attempted(peer.name, partial(_against_peer, peer, place)) for peer in peers)
    return [figure for figures in found for figure in figures]


def _fastest(figures: list[Figure], kind: str) -> float | None:
    found = (figure.value for figure in figures if figure.name.startswith(f"image, {kind}: "))
    return min((value for value in found if value is not None), default=None)


def measure_image(peer: bool) -> list[Figure]:
    """Measure cold and warm builds of the standard image, sizes, scratch space, and start.

    With `peer` other builders run too; the fastest, the smallest is what ours stands beside.
    """
    with _place() as place, nearby(place / "mirror") as mirror:
        cache, title = place / "cache", f"debian-{_RELEASE}-amd64"
        from_there = ("--mirror", mirror.archive)
        # What is not timed brings the packages to this machine.
        _build(place, cache, *from_there)
        load = os.getloadavg()[0]
        cold, peak = _build(place, cache, "--no-cache", *from_there)
        warm, _ = _build(place, cache, *from_there)
        manifest = json.loads((place / f"{title}.manifest.json").read_text(encoding="utf-8"))
        packages = [package["name"] for package in manifest["packages"]]
        bare = _bare(place, mirror, packages, _RELEASE)
        size = (place / f"{title}.qcow2").stat().st_size / _MB
        login = _to_login(place / f"{title}.qcow2", place / "boot", "bios")
        _build(place, cache, "--minimal", *from_there)
        minimal = (place / f"debian-{_RELEASE}-minimal-amd64.qcow2").stat().st_size / _MB
        shutil.rmtree(cache)
        others = _against_peers(place, mirror, packages) if peer else []
        fastest, smallest = _fastest(others, "cold"), _fastest(others, "qcow2 by zstd")
        sooner = _fastest(others, "login prompt")
        return [
            Figure(name="image, cold", value=cold, unit="s", target=30, peer=fastest),
            Figure(name="image, from the cache", value=warm, unit="s", target=10, peer=fastest),
            Figure(name="standard image, qcow2", value=size, unit="MB", target=190, peer=smallest),
            Figure(
                name="minimal image, qcow2", value=minimal, unit="MB", target=186, peer=smallest
            ),
            Figure(name="peak of scratch space", value=peak / _MB, unit="MB", target=900),
            Figure(name="image, login prompt", value=login, unit="s", peer=sooner),
            Figure(name="image, cold: mmdebstrap, a tar of the same", value=bare, unit="s"),
            Figure(name="image: load of the machine before", value=load, unit=""),
            *others,
        ]
