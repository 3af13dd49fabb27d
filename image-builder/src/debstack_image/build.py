# SPDX-License-Identifier: Apache-2.0
"""One build, from settings to files. It runs inside namespaces of its own, as their root."""

from __future__ import annotations

import json
import os
import re
import shutil
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from debstack.base.errors import CommandError
from debstack.base.run import run
from debstack_image import formats, reproduce, tree
from debstack_image.access import configure_access
from debstack_image.boot import configure_boot, make_initramfs, newest_kernel
from debstack_image.bootstrap import bootstrap, left_out, mmdebstrap_argv, supply_of
from debstack_image.bytecode import compile_all
from debstack_image.cache import Cache, default_folder, index_lock
from debstack_image.chroot import Chroot, entered
from debstack_image.clean import clean
from debstack_image.content import described
from debstack_image.disk import Layout, make_disk, plan_layout
from debstack_image.filesystem import machine_architecture, make_root, needed_size
from debstack_image.first_boot import configure_first_boot
from debstack_image.foreign import enable
from debstack_image.hooks import run_hooks
from debstack_image.identity import Identity, newest_package
from debstack_image.index import ImageError, Index, Package, digest_of
from debstack_image.loaders import Loaders, prepare
from debstack_image.manifest import Installed, installed_packages
from debstack_image.namespace import unfinished_file
from debstack_image.packages import check_left_out, priority_pattern, wanted_packages
from debstack_image.progress import say, step
from debstack_image.settings import Settings
from debstack_image.sources import Sources
from debstack_image.system import configure_system
from debstack_image.values import GIB, MIB

#: Changes when bases are made in another way, so that old ones are not used.
_RECIPE = 1
#: What a build takes in memory at most, besides what it is.
_MEMORY = 3 * GIB
_DISK_KINDS = ("raw", "qcow2", "vmdk", "vhd", "vhdx")


@dataclass(slots=True, kw_only=True)
class Result:
    """What a build made: files by their final names (still under others), and what is in them."""

    sources: Sources
    files: dict[str, Path] = field(default_factory=dict)
    packages: list[Installed] = field(default_factory=list)
    epoch: int = 0
    digest: str = ""
    layout: Layout | None = None
    cached: bool = False
    #: The number of the release, such as 13; empty where it has none yet.
    version: str = ""


def release_version(root: Path) -> str:
    """Return VERSION_ID of the tree's os-release."""
    text = tree.place(root, "/usr/lib/os-release").read_text(encoding="utf-8")
    found = re.search(r'^VERSION_ID="?([^"\n]*)"?$', text, re.MULTILINE)
    return found.group(1) if found else ""


def room_in(folder: Path) -> bool:
    """Tell whether there is still some space in a folder."""
    found = os.statvfs(folder)
    return found.f_bavail * found.f_frsize >= MIB


def no_room(folder: Path) -> ImageError:
    """Return the error that says so."""
    return ImageError(
        f"{folder}: No space left on device", hint="--output and --scratch-dir name other folders"
    )


def available_memory() -> int:
    """Return how many bytes can still be used without swapping."""
    for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
        if line.startswith("MemAvailable:"):
            return int(line.split()[1]) * 1024
    return 0


def use_memory(settings: Settings, scratch: Path) -> bool:
    """Lay a file system in memory over the scratch folder where there is room for a build."""
    if settings.scratch_dir is not None or available_memory() < _MEMORY:
        return False
    # A limit, not a claim: what a build does not use is not taken.
    size = min(available_memory() * 3 // 4, 64 * GIB)
    options = f"mode=0755,size={size},huge=within_size"
    done = run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", scratch], check=False)
    if done.code != 0:  # a kernel without huge pages for it
        run(["mount", "-t", "tmpfs", "-o", f"mode=0755,size={size}", "tmpfs", scratch])
    return True


@dataclass(slots=True)
class Build:
    """The parts of a build share these; `unfinished` are files that go if it does not end."""

    settings: Settings
    scratch: Path
    unfinished: list[Path]
    result: Result = field(init=False)
    known: list[Package] = field(default_factory=list)

    @property
    def root(self) -> Path:
        """The image's tree."""
        return self.scratch / "root"

    @property
    def identity(self) -> Identity:
        """What the image's names are derived from."""
        return Identity(self.result.digest)

    def run(self) -> Result:
        """Build; return the result. Raises DebstackError."""
        settings = self.settings
        memory = use_memory(settings, self.scratch)
        if not memory and settings.scratch_dir is None:
            say(f"working in {self.scratch}: there is too little memory to do it there")
        run(["hostname", "localhost"])
        enable(settings.architecture, machine_architecture(), self.scratch)
        self.result = Result(sources=reproduce.sources_of(settings))
        self.make_tree(self.result.sources)
        self.result.digest = digest_of(
            self.known, json.dumps(described(settings), sort_keys=True), self.result.sources.image
        )
        with entered(self.root, self.result.epoch) as chroot:
            self.customise(chroot, self.result.sources)
            with step("boot loader"):
                loaders = prepare(chroot, settings, self.identity, self.scratch)
            self.result.packages = installed_packages(self.root, self.known)
            self.result.version = release_version(self.root)
        with step("clean"):
            clean(self.root, self.result.epoch)
        self.write_trees()
        self.write_disks(loaders)
        return self.result

    def make_tree(self, sources: Sources) -> None:
        """Make the tree of installed packages: from the cache, or by mmdebstrap."""
        settings = self.settings
        wanted = [*priority_pattern(settings), *wanted_packages(settings)]
        options = [f'APT::Install-Recommends "{str(settings.recommends).lower()}";']
        if not settings.check_valid_until:
            options.append('Acquire::Check-Valid-Until "false";')
        cache = Cache(settings.cache_dir or default_folder()) if settings.cache else None
        name = digest_of([], sources.build, settings.architecture, *sources.settings)[:20]
        folder = cache.index(name) if cache else self.scratch / "index"
        with cache.locked(index_lock(name)) if cache else nullcontext():
            index = Index.make(folder, settings.architecture, sources, options)
            index.prefer(reproduce.preferences(settings))
            with step("index of the mirror"):
                index.update()
                self.known = index.resolve(wanted)
                reproduce.check(settings, self.known)
                check_left_out(settings, (package.name for package in self.known))
            key = self.base_key(index, wanted)
            if cache and not settings.refresh:
                with step("installed packages from the cache"):
                    self.result.cached = cache.take(key, self.root)
            if not self.result.cached:
                self.install(index, wanted)
            if cache is None:
                shutil.rmtree(folder)
        self.result.epoch = settings.source_date_epoch or newest_package(self.root)
        if self.result.cached:
            return
        with step("initramfs and byte code"), entered(self.root, self.result.epoch) as chroot:
            self.make_what_waited(chroot)
        if cache:
            with step("keep them in the cache"), cache.locked("base"):
                cache.put(key, self.root)
                cache.shrink(settings.cache_size)

    def make_what_waited(self, chroot: Chroot) -> None:
        """Make initramfs and byte code: each keeps one processor busy."""
        with ThreadPoolExecutor() as pool:
            parts = [pool.submit(compile_all, chroot)]
            if self.settings.kernel != "none":
                parts.append(pool.submit(make_initramfs, chroot))
            for part in parts:
                part.result()

    def base_key(self, index: Index, wanted: list[str]) -> str:
        """Return what a base is kept under: packages, and all that their configuration reads."""
        settings = self.settings
        argv = mmdebstrap_argv(settings, supply_of(index, self.scratch), self.root, wanted)
        recipe = [text for text in argv if os.fspath(self.scratch) not in text]
        recipe += left_out(settings)
        preseeds = [path.read_text(encoding="utf-8") for path in settings.preseed]
        epoch = str(settings.source_date_epoch)
        return digest_of(self.known, str(_RECIPE), *recipe, *preseeds, epoch)[:32]

    def install(self, index: Index, wanted: list[str]) -> None:
        """Download and install the packages."""
        with step(f"download of {len(self.known)} packages"):
            index.download(wanted)
            index.use(self.known)
        with step(f"installation of {len(self.known)} packages"):
            bootstrap(self.settings, index, self.root, wanted, self.known)

    def customise(self, chroot: Chroot, sources: Sources) -> None:
        """Make of a Debian the image that was asked for."""
        settings, identity = self.settings, self.identity
        with step("configuration"):
            configure_system(chroot, settings, sources)
            configure_access(chroot, settings, identity)
            configure_first_boot(chroot, settings)
            configure_boot(chroot, settings, identity)
            for path in settings.overlay:
                tree.copy_over(path, chroot.root)
        if settings.hook_script:
            with step("hooks"):
                run_hooks(chroot, settings)

    @contextmanager
    def target(self, suffix: str) -> Iterator[Path]:
        """Give the path to write a file to; it gets its name when everything is done."""
        name = f"{self.settings.title}.{suffix}"
        path = unfinished_file(self.settings.output, name, self.scratch)
        self.unfinished.append(path)
        try:
            yield path
        except CommandError as error:
            if not room_in(self.settings.output):
                raise no_room(self.settings.output) from error
            raise
        self.result.files[name] = path

    def write_trees(self) -> None:
        """Write the formats that are made of the tree itself."""
        settings, epoch = self.settings, self.result.epoch
        if "tar" in settings.format:
            with step("tar"), self.target("tar") as path:
                formats.write_tar(self.root, epoch, path)
        if "squashfs" in settings.format:
            with step("squashfs"), self.target("squashfs") as path:
                formats.write_squashfs(self.root, epoch, path)
        if "kernel" in settings.format:
            with step("kernel"), self.target("vmlinuz") as kernel, self.target("initrd") as initrd:
                formats.write_kernel(self.root, newest_kernel(self.root), kernel, initrd)

    def write_disks(self, loaders: Loaders) -> None:
        """Make the disk, and write it in every format asked for."""
        settings = self.settings
        kinds = [kind for kind in settings.format if kind in _DISK_KINDS]
        if not kinds:
            return
        disk = self.scratch / "disk"
        with step(f"{settings.filesystem} and disk"):
            layout = plan_layout(settings, needed_size(self.root, settings))
            self.result.layout = layout
            make_disk(disk, settings, layout, self.identity)
            root = layout.of("root")
            assert root is not None  # noqa: S101 - every layout has one
            make_root(self.root, disk, root, settings, self.identity, self.result.epoch)
            loaders.write(disk, layout)
        # The tree is in the disk now; the memory that it takes is of use to others.
        run(["rm", "-rf", "--one-file-system", self.root])
        for kind in kinds:
            with step(kind), self.target(kind) as path:
                formats.write_disk(kind, settings, disk, path)
