# SPDX-License-Identifier: Apache-2.0
"""From the raw disk to the files that were asked for."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from debstack.base.run import run
from debstack_image.settings import Settings

_TIMEOUT_S = 3600.0
#: Format of ours to the name of qemu-img and its options.
_QEMU = {
    "vmdk": ("vmdk", "subformat=streamOptimized"),
    "vhd": ("vpc", "subformat=dynamic,force_size=on"),
    "vhdx": ("vhdx", "subformat=dynamic"),
}


def convert_argv(kind: str, settings: Settings, disk: Path, target: Path) -> list[str]:
    """Return the command that writes `disk` as an image of `kind` to `target`."""
    argv = ["qemu-img", "convert", "-f", "raw"]
    if kind == "qcow2":
        options = ["compat=1.1"]
        if settings.compression != "none":
            argv += ["-c"]
            # Four times the usual: a twentieth smaller, and still little to read for a block.
            options += [f"compression_type={settings.compression}", "cluster_size=256k"]
        return [*argv, "-O", "qcow2", "-o", ",".join(options), os.fspath(disk), os.fspath(target)]
    name, more = _QEMU[kind]
    return [*argv, "-O", name, "-o", more, os.fspath(disk), os.fspath(target)]


def write_disk(kind: str, settings: Settings, disk: Path, target: Path) -> None:
    """Write the raw disk as `kind` to `target`."""
    if kind == "raw":
        run(["cp", "--sparse=always", disk, target], timeout_s=_TIMEOUT_S)
    else:
        run(convert_argv(kind, settings, disk, target), timeout_s=_TIMEOUT_S)


def write_tar(root: Path, epoch: int, target: Path) -> None:
    """Write the tree as a tar archive, sorted, with numeric owners and extended attributes."""
    argv = ["tar", "--create", "--file", os.fspath(target), "--sort=name", "--numeric-owner"]
    argv += [
        "--format=posix",
        "--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime",
    ]
    argv += ["--xattrs", "--xattrs-include=*", f"--mtime=@{epoch}", "--clamp-mtime"]
    run([*argv, "--directory", root, "."], timeout_s=_TIMEOUT_S)


def write_squashfs(root: Path, epoch: int, target: Path) -> None:
    """Write the tree as a squashfs."""
    argv = ["mksquashfs", os.fspath(root), os.fspath(target), "-comp", "zstd", "-noappend"]
    run([*argv, "-quiet", "-no-progress", "-mkfs-time", str(epoch)], timeout_s=_TIMEOUT_S)


def write_kernel(root: Path, release: str, kernel: Path, initrd: Path) -> None:
    """Write kernel and initramfs apart, for a cloud that starts them directly."""
    shutil.copyfile(root / "boot" / f"vmlinuz-{release}", kernel)
    shutil.copyfile(root / "boot" / f"initrd.img-{release}", initrd)
