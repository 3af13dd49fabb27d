# SPDX-License-Identifier: Apache-2.0
"""File systems made from trees, without mounting anything."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

from debstack.base.run import run
from debstack_image import tree
from debstack_image.disk import Partition, copy_into
from debstack_image.identity import Identity
from debstack_image.index import ImageError
from debstack_image.old_mke2fs import set_times, sorted_copy
from debstack_image.settings import Settings
from debstack_image.values import MIB
from debstack_image.xfs_prototype import prototype

_BLOCK = 4096
_INODE = 256
_BYTES_PER_INODE = 16384
_JOURNAL = 64 * MIB
#: What mkfs.btrfs --rootdir reckons for the metadata of a file, which it keeps twice: three names
#: of the length that the system allows. What is not used of it takes no space in the image.
_BTRFS_INODE = 2 * 3 * 4096
#: What runs programs of each architecture, in its image.
_LOADERS = {
    "amd64": ("/lib64/ld-linux-x86-64.so.2", "x86_64-linux-gnu"),
    "arm64": ("/lib/ld-linux-aarch64.so.1", "aarch64-linux-gnu"),
    "riscv64": ("/lib/ld-linux-riscv64-lp64d.so.1", "riscv64-linux-gnu"),
}
_TIMEOUT_S = 1800.0
#: The first version of mke2fs that sorts folders and sets all times as told.
_SORTS = (1, 47, 1)


def image_tool(root: Path, architecture: str, program: str) -> list[str]:
    """Return how to run the image's own `program`, outside of it, with its own libraries.

    The file system is then made by the release's tools, whatever release the machine has that
    builds: the features fit its kernel, and the bytes are the same everywhere.
    """
    loader, triplet = _LOADERS[architecture]
    libraries = f"{root}/usr/lib/{triplet}:{root}/lib/{triplet}"
    start = os.fspath(tree.place(root, loader))
    return [start, "--library-path", libraries, os.fspath(tree.place(root, program))]


def needed_size(root: Path, settings: Settings) -> int:
    """Return how large a file system for the tree is, with the free space asked for, in bytes."""
    blocks, inodes = 0, 0
    seen: set[int] = set()
    for path in tree.walk(root):
        found = path.lstat()
        inodes += 1
        if found.st_nlink > 1 and not path.is_dir():
            if found.st_ino in seen:
                continue
            seen.add(found.st_ino)
        if path.is_symlink():
            continue
        blocks += max(1, -(-found.st_size // _BLOCK)) if path.is_dir() or found.st_size else 0
    content = blocks * _BLOCK
    size = content + settings.head_room + _JOURNAL
    # Inode tables, bitmaps, descriptors and what is reserved for growth; blocks kept for root.
    size += max(inodes * 2, size // _BYTES_PER_INODE) * _INODE + size // 50 + 8 * MIB
    # mkfs.xfs makes none that is smaller than 300 MiB, and a log of 64 MiB.
    if settings.filesystem != "ext4":
        size = max(size + size // 8, 512 * MIB)
    if settings.filesystem == "btrfs":
        size += inodes * _BTRFS_INODE
    return int(-(-size // MIB) * MIB)


def _mke2fs_version(tool: list[str]) -> tuple[int, ...]:
    text = run([*tool, "-V"]).stderr
    found = re.search(r"mke2fs (\d+)\.(\d+)(?:\.(\d+))?", text)
    return tuple(int(part or 0) for part in found.groups()) if found else (0,)


def inode_arguments(size: int, files: int) -> list[str]:
    """Return what makes an ext4 of `size` bytes have inodes for `files`, and for as many again."""
    usual = size // _BYTES_PER_INODE
    return ["-N", str(files * 2)] if files * 2 > usual else ["-i", str(_BYTES_PER_INODE)]


def mke2fs_arguments(root: Path, disk: Path, part: Partition, identity: Identity) -> list[str]:
    """Return the arguments that make an ext4 of the tree in a partition of the disk."""
    files = sum(1 for _ in tree.walk(root))
    extended = [
        f"offset={part.start}",
        f"hash_seed={identity.uuid('ext4 hash')}",
        "assume_storage_prezeroed=1",
        "root_owner=0:0",
    ]
    return [
        *("-q", "-F", "-t", "ext4", "-b", str(_BLOCK), "-I", str(_INODE)),
        *inode_arguments(part.size, files),
        *("-m", "1", "-J", f"size={_JOURNAL // MIB}"),
        *("-L", "root", "-U", identity.uuid("root"), "-E", ",".join(extended)),
        *("-d", os.fspath(root), os.fspath(disk), f"{part.size // 1024}k"),
    ]


def make_ext4(
    root: Path, disk: Path, part: Partition, settings: Settings, identity: Identity, epoch: int
) -> None:
    """Fill a partition of the disk with an ext4 of the tree."""
    tool = _tool(root, settings, "mke2fs")
    environment = {
        "SOURCE_DATE_EPOCH": str(epoch),
        "E2FSPROGS_FAKE_TIME": str(epoch),
        "MKE2FS_CONFIG": os.fspath(root / "etc" / "mke2fs.conf"),
    }
    if _mke2fs_version(tool) >= _SORTS:
        arguments = mke2fs_arguments(root, disk, part, identity)
        run([*tool, *arguments], env=environment, timeout_s=_TIMEOUT_S)
        return
    file = disk.with_name("filesystem")
    apart = Partition(role=part.role, start=0, size=part.size)
    with file.open("wb") as stream:
        stream.truncate(part.size)
    copy = sorted_copy(root)
    arguments = mke2fs_arguments(copy, file, apart, identity)
    run([*tool, *arguments], env=environment, timeout_s=_TIMEOUT_S)
    run(["rm", "-rf", "--one-file-system", copy])
    set_times(_tool(root, settings, "debugfs"), file, root, epoch)
    copy_into(disk, part, file)
    file.unlink()


def machine_architecture() -> str:
    """Return Debian's name of this machine's architecture."""
    return run(["dpkg", "--print-architecture"]).stdout.strip()


def root_uuid(identity: Identity) -> str:
    """Return the UUID of the root file system."""
    return identity.uuid("root")


def _tool(root: Path, settings: Settings, program: str) -> list[str]:
    """Return how to run the image's own `program` of those that only root has."""
    return image_tool(root, settings.architecture, f"/usr/sbin/{program}")


def _make_apart(disk: Path, part: Partition, make: list[str], environment: dict[str, str]) -> None:
    """Run `make` with a file of the partition's size, and copy that to the disk."""
    file = disk.with_name("filesystem")
    with file.open("wb") as stream:
        stream.truncate(part.size)
    run([*make, file], env=environment, timeout_s=_TIMEOUT_S)
    # mkfs.btrfs takes what it needs, and goes beyond the end.
    if file.stat().st_size > part.size:
        raise ImageError(
            f"file system: it takes {file.stat().st_size // MIB}M, and has {part.size // MIB}M",
            hint="give a larger --image-size or --head-room",
        )
    copy_into(disk, part, file)
    file.unlink()


def make_root(
    root: Path, disk: Path, part: Partition, settings: Settings, identity: Identity, epoch: int
) -> None:
    """Fill a partition of the disk with the tree, as the file system asked for."""
    uuid, environment = root_uuid(identity), {"SOURCE_DATE_EPOCH": str(epoch)}
    if settings.filesystem == "btrfs":
        make = [*_tool(root, settings, "mkfs.btrfs"), "--quiet", "--uuid", uuid, "--label", "root"]
        _make_apart(disk, part, [*make, "--rootdir", os.fspath(root)], environment)
    elif settings.filesystem == "xfs":
        listing = disk.with_name("prototype")
        listing.write_text(prototype(root), encoding="utf-8")
        make = [*_tool(root, settings, "mkfs.xfs"), "-q", "-f", "-m", f"uuid={uuid}", "-L", "root"]
        _make_apart(disk, part, [*make, "-p", os.fspath(listing)], environment)
    else:
        make_ext4(root, disk, part, settings, identity, epoch)


def make_fat(
    path: Path, size: int, identity: Identity, epoch: int, content: dict[str, Path]
) -> None:
    """Make `path` a FAT file system of `size` bytes with the files of `content` by their names."""
    with path.open("wb") as stream:
        stream.truncate(size)
    # FAT has local times.
    environment = {"SOURCE_DATE_EPOCH": str(epoch), "TZ": "UTC", "MTOOLS_SKIP_CHECK": "1"}
    volume = f"{identity.volume('esp'):08x}"
    make = ["mkfs.vfat", "--invariant", "-F", "32", "-s", "1", "-n", "ESP", "-i", volume]
    run([*make, path], env=environment)
    made: set[str] = set()
    for name in sorted(content):
        parts = name.split("/")[:-1]
        for end in range(1, len(parts) + 1):
            folder = "/".join(parts[:end])
            if folder not in made:
                run(["mmd", "-i", path, f"::{folder}"], env=environment)
                made.add(folder)
        copy = path.with_name("esp.file")
        shutil.copyfile(content[name], copy)
        os.utime(copy, (epoch, epoch))
        run(["mcopy", "-m", "-i", path, copy, f"::{name}"], env=environment)
        copy.unlink()


def fat_uuid(identity: Identity) -> str:
    """Return the name of the FAT file system as Linux has it."""
    text = f"{identity.volume('esp'):08X}"
    return f"{text[:4]}-{text[4:]}"
