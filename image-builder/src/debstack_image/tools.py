# SPDX-License-Identifier: Apache-2.0
"""The programs of this machine that a build needs, and the packages that they are in."""

from __future__ import annotations

import shutil

from debstack.base.errors import DebstackError
from debstack.base.run import PATH, run
from debstack_image.settings import Settings

_ALWAYS = {
    "apt-get": "apt",
    "mmdebstrap": "mmdebstrap",
    "unshare": "util-linux",
    "sfdisk": "fdisk",
    "tar": "tar",
    "zstd": "zstd",
}
_ESP = {"mkfs.vfat": "dosfstools", "mcopy": "mtools"}
_QEMU = {"qemu-img": "qemu-utils"}


def needed(settings: Settings) -> dict[str, str]:
    """Return the programs that a build of `settings` runs, with their packages."""
    wanted = dict(_ALWAYS)
    if settings.boot_type != "bios" and settings.boot_manager != "none":
        wanted.update(_ESP)
    if {"qcow2", "vmdk", "vhd", "vhdx"} & set(settings.format):
        wanted.update(_QEMU)
    if "squashfs" in settings.format:
        wanted["mksquashfs"] = "squashfs-tools"
    if settings.filesystem == "xfs":
        wanted["mkfs.xfs"] = "xfsprogs"
    if settings.filesystem == "btrfs":
        wanted["mkfs.btrfs"] = "btrfs-progs"
    if settings.sign:
        wanted["gpg"] = "gnupg"
    return wanted


def check_tools(settings: Settings) -> None:
    """Raise DebstackError, with the packages to install, where programs are missing."""
    missing = {
        program: package
        for program, package in needed(settings).items()
        if shutil.which(program, path=PATH) is None
    }
    if missing:
        packages = sorted(set(missing.values()))
        raise DebstackError(
            f"this machine lacks {', '.join(sorted(missing))}",
            hint=f"apt-get install {' '.join(packages)}",
        )


def versions(settings: Settings) -> dict[str, str]:
    """Return the versions of the packages that the programs of a build are from."""
    packages = sorted(set(needed(settings).values()))
    form = "${Package}\t${Version}\n"
    listed = run(["dpkg-query", "-W", "-f", form, *packages], check=False).stdout
    return dict(line.split("\t") for line in listed.splitlines() if "\t" in line)
