# SPDX-License-Identifier: Apache-2.0
"""Building source packages in clean roots, in dependency order, cached by content."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from debstack.base.errors import CommandError, DebstackError
from debstack.base.run import run
from pipeline.deb import Deb, build_digest, reachable, read_deb
from pipeline.root import ARCHIVES, Base, apt_install, ensure_base, ensure_layer, overlay
from pipeline.series import Series
from pipeline.source import (
    SourcePackage,
    find_sources,
    make_dsc,
    needed_sources,
    owners_of,
    relation_text,
    wanted_relations,
)
from pipeline.tree import BUILD, cache_dir, locked, scratch_folder, sha256_file

#: Changes when the way of building changes so that old results must not be used.
_RECIPE = 1
_TAIL_LINES = 30
_KEPT_BUILDS = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Conditions:
    """What a build may vary in without changing its result; the reproducibility check does."""

    path: str = "/build/work"
    host: str = "debstack-build"
    locale: str = "C.UTF-8"
    timezone: str = "UTC"
    umask: str = "0022"
    jobs: int = field(default_factory=lambda: os.cpu_count() or 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How to build: for which series, in which base, with or without upstream's unit tests."""

    series: Series
    base: Base
    tests: bool = False

    @property
    def profiles(self) -> tuple[str, ...]:
        """The build profiles in force."""
        return () if self.tests else ("nocheck",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Built:
    """A finished build: the folder of the cache with its .dsc, .debs, .changes and log."""

    source: SourcePackage
    folder: Path
    cached: bool
    seconds: float

    def files(self, *suffixes: str) -> list[Path]:
        """Return its files that end in one of `suffixes`, sorted."""
        return sorted(p for p in self.folder.iterdir() if p.name.endswith(suffixes))

    def debs(self) -> list[Deb]:
        """Return its binary packages."""
        return [read_deb(path) for path in self.files(".deb")]


def say(line: str) -> None:
    """Print a line of progress to standard error."""
    print(line, file=sys.stderr, flush=True)


def source_digest(source: SourcePackage) -> str:
    """Return a digest of the files that go into `source`: names, modes and contents."""
    digest = hashlib.sha256()
    for name, file in source.files().items():
        mode = "x" if os.access(file, os.X_OK) else "-"
        content = str(file.readlink()) if file.is_symlink() else sha256_file(file)
        digest.update(f"{mode} {name} {content}\n".encode())
    return digest.hexdigest()


def build_key(source: SourcePackage, plan: Plan, own: Sequence[Deb]) -> str:
    """Return the key that a build is cached under: all that its result can depend on."""
    parts = [
        str(_RECIPE),
        plan.base.identity,
        ",".join(plan.profiles),
        source_digest(source),
        "" if source.native else plan.series.sdist(source.name).sha256,
        *(build_digest(deb) for deb in own),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:24]


def _own_archive(own: Sequence[Deb], folder: Path) -> Path:
    """Make a small apt archive of our `own` packages for a build root; return its folder."""
    archive = folder / "own"
    archive.mkdir()
    for deb in own:
        shutil.copyfile(deb.path, archive / deb.path.name)
    listing = run(["apt-ftparchive", "packages", "."], cwd=archive).stdout
    (archive / "Packages").write_text(listing, encoding="utf-8")
    return archive


_USE_OWN = """
set -eu
echo 'deb [trusted=yes] file:///own ./' >/etc/apt/sources.list.d/own.list
printf 'Package: *\\nPin: origin ""\\nPin-Priority: 1001\\n' >/etc/apt/preferences.d/own
apt-get -q update -o Dir::Etc::sourcelist=sources.list.d/own.list -o Dir::Etc::sourceparts=- \
    -o APT::Get::List-Cleanup=false
"""
_BUILD = """
set -eu
export LC_ALL="$1" TZ="$2" DEB_BUILD_OPTIONS="$3" DEB_BUILD_PROFILES="$4"
umask "$5"
path=$6
mkdir -p "$(dirname "$path")"
dpkg-source --no-check -x /in/*.dsc "$path"
cd "$path"
exec eatmydata dpkg-buildpackage -us -uc -b
"""


def _tail(log_path: Path) -> str:
    lines = log_path.read_text(encoding="utf-8", errors="replace").splitlines()
    return "".join(f"\n    {line}" for line in lines[-_TAIL_LINES:])


def build_in_root(
    source: SourcePackage,
    plan: Plan,
    own: Sequence[Deb],
    target: Path,
    log_path: Path,
    conditions: Conditions,
) -> None:
    """Build `source` in a clean root from its .dsc in `target`, where the .debs go too.

    Raises CommandError where a command in the root fails; the log has its output.
    """
    ours = {name for deb in own for name in (*deb.provides, deb.name)}
    archive_relations = [
        relation_text(group)
        for group in wanted_relations(source, plan.profiles)
        if not any(relation["name"] in ours for relation in group)
    ]
    layer = ensure_layer(plan.base, archive_relations, log_path)
    with scratch_folder("own") as scratch:
        binds = {
            cache_dir("apt", "archives"): ARCHIVES,
            target: "/in",
            _own_archive(own, scratch): "/own",
        }
        with overlay([layer, plan.base.path], binds) as root:
            root.run(["sh", "-c", _USE_OWN], network=True, log_path=log_path)
            profiles = ["-P", ",".join(plan.profiles)] if plan.profiles else []
            dsc = f"/in/{source.stem}.dsc"
            apt_install(root, ["apt-get", "-q", "-y", *profiles, "build-dep", dsc], log_path)
            options = " ".join([*plan.profiles, f"parallel={conditions.jobs}"])
            arguments = [conditions.locale, conditions.timezone, options]
            arguments += [" ".join(plan.profiles), conditions.umask, conditions.path]
            command = ["sh", "-c", _BUILD, "sh", *arguments]
            root.run(command, user="builder", log_path=log_path, host=conditions.host)
            built = (root.upper / conditions.path.lstrip("/")).parent
            for file in built.iterdir():
                if file.suffix in {".deb", ".udeb", ".changes", ".buildinfo"}:
                    shutil.copyfile(file, target / file.name)


def _prune(folder: Path) -> None:
    """Keep the builds of one source that were used last."""
    builds = sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
    for old in builds[_KEPT_BUILDS:]:
        shutil.rmtree(old, ignore_errors=True)


def build_source(source: SourcePackage, plan: Plan, own: Sequence[Deb]) -> Built:
    """Build `source`, or take the result from the cache if nothing it depends on has changed.

    `own` are the packages of ours that its root may install. Raises DebstackError with the end
    of the log where the build fails.
    """
    begin = time.monotonic()
    key = build_key(source, plan, own)
    folder = cache_dir("builds", source.name) / key
    log_path = BUILD / "logs" / f"{source.name}.log"
    log_path.parent.mkdir(parents=True, exist_ok=True)
    with locked(f"build-{source.name}"):
        if folder.is_dir():
            os.utime(folder)
            shutil.copyfile(folder / "build.log", log_path)
            return Built(source=source, folder=folder, cached=True, seconds=0.0)
        log_path.write_text("", encoding="utf-8")
        with scratch_folder(source.name) as scratch:
            try:
                scratch.chmod(0o755)  # the builder of the root reads the source package in it
                make_dsc(source, plan.series, scratch)
                build_in_root(source, plan, own, scratch, log_path, Conditions())
            except CommandError as error:
                detail = _tail(log_path) or f"\n    {error.message}"
                raise DebstackError(
                    f"{source.name}: the build failed{detail}", hint=f"the whole log: {log_path}"
                ) from error
            shutil.copyfile(log_path, scratch / "build.log")
            scratch.rename(folder)
        _prune(folder.parent)
    return Built(source=source, folder=folder, cached=False, seconds=time.monotonic() - begin)


@dataclass(slots=True)
class _Builder:
    """Builds sources as soon as what they need is built; one that fails stops its dependents.

    A source needs what it build-depends on. It also needs the sources of what those packages
    depend on when they are installed, which their .debs tell, once there are any.
    """

    sources: Mapping[str, SourcePackage]
    plan: Plan
    built: dict[str, Built] = field(default_factory=dict)
    failed: dict[str, DebstackError] = field(default_factory=dict)
    debs: dict[str, Deb] = field(default_factory=dict)
    owners: Mapping[str, str] = field(init=False)

    def __post_init__(self) -> None:
        self.owners = owners_of(self.sources.values())

    def needs(self, name: str) -> set[str]:
        return needed_sources(self.sources[name], self.owners, self.plan.profiles)

    def closure(self, names: Iterable[str]) -> set[str]:
        todo, seen = list(names), set[str]()
        while todo:
            name = todo.pop()
            if name not in seen:
                seen.add(name)
                todo.extend(self.needs(name))
        return seen

    def own(self, name: str) -> list[Deb]:
        """Return the packages of ours that a root for building `name` may install."""
        source = self.sources[name]
        names = [
            relation["name"]
            for group in wanted_relations(source, self.plan.profiles)
            for relation in group
            if relation["name"] not in source.binaries
        ]
        return reachable(names, self.debs)

    def installs(self, name: str) -> set[str]:
        """Return the sources of what those packages depend on, as far as it is known by now.

        Without those that build-depend on `name` themselves: it is built before they are.
        """
        depended = {dependency for deb in self.own(name) for dependency in deb.depends}
        found = {self.owners[dependency] for dependency in depended & self.owners.keys()}
        return {source for source in found if name not in self.closure([source])}

    def finish(self, name: str, future: Future[Built]) -> None:
        title = f"{name} {self.sources[name].version}"
        try:
            built = future.result()
        except DebstackError as error:
            self.failed[name] = error
            say(f"build: {title}: failed")
            return
        self.built[name] = built
        self.debs.update({deb.name: deb for deb in built.debs()})
        say(f"build: {title}: " + ("unchanged" if built.cached else f"{built.seconds:.0f} s"))

    def check(self, names: Iterable[str]) -> None:
        """Raise DebstackError where `names` build-depend on each other in a circle."""
        try:
            TopologicalSorter({name: self.needs(name) for name in names}).prepare()
        except CycleError as error:
            raise DebstackError(
                f"Build-Depends in a circle: {' -> '.join(error.args[1])}"
            ) from error

    def awaited(self, name: str) -> set[str]:
        """Return the sources that `name` needs and that are not built, as far as it is known."""
        needed = self.needs(name)
        if needed <= self.built.keys():
            needed |= self.installs(name)
        return needed - self.built.keys()

    def startable(self, todo: set[str], running: Collection[str], lost: set[str]) -> list[str]:
        """Return the names in `todo` that can be built now, sorted.

        What is only now known to be needed joins `todo`; what needs one of the `lost`, which
        failed or were not built for one that did, goes over to them.
        """
        while True:
            waiting = {name: self.awaited(name) for name in sorted(todo)}
            needed = self.closure(name for names in waiting.values() for name in names)
            joining = needed - todo - self.built.keys() - set(running) - lost
            losing = {name: names & lost for name, names in waiting.items() if names & lost}
            if not joining and not losing:
                break
            for name, names in losing.items():
                say(f"build: {name}: not built, it needs {', '.join(sorted(names))}")
            lost.update(losing)
            todo.update(joining)
            todo.difference_update(losing)
        ready = [name for name, names in waiting.items() if not names]
        if not ready and not running:  # each waits for what another installs: one has to begin
            ready = [name for name in waiting if self.needs(name) <= self.built.keys()][:1]
        return ready

    def build(self, names: Iterable[str], jobs: int) -> None:
        todo = self.closure(names)
        self.check(todo)
        running: dict[Future[Built], str] = {}
        lost = set[str]()
        with ThreadPoolExecutor(max_workers=jobs) as pool:
            while todo or running:
                for name in self.startable(todo, running.values(), lost):
                    todo.remove(name)
                    task = pool.submit(build_source, self.sources[name], self.plan, self.own(name))
                    running[task] = name
                if not running:
                    continue
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    name = running.pop(future)
                    self.finish(name, future)
                    lost.update(self.failed)


def make_plan(series: Series, *, tests: bool = False) -> Plan:
    """Return the Plan for `series`; makes the base root where the cache has none."""
    return Plan(series=series, base=ensure_base(series.suite), tests=tests)


def build_all(
    plan: Plan, names: Sequence[str] = (), *, jobs: int | None = None
) -> dict[str, Built]:
    """Build the sources `names` (all, if empty) and what they build-depend on; return the builds.

    Raises DebstackError, after everything that could be built is, with each failure's message.
    """
    sources = find_sources()
    builder = _Builder(sources, plan)
    builder.build(names or sources, jobs or os.cpu_count() or 1)
    if builder.failed:
        failures = list(builder.failed.values())
        message = "\n".join(error.message for error in failures)
        raise DebstackError(message, hint=failures[0].hint)
    return builder.built
