# SPDX-License-Identifier: Apache-2.0
"""The programs of this machine that a build needs, and the packages that they are in."""

from __future__ import annotations

import shutil
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.run import PATH, run
from debstack_image import emulator
from debstack_image.disk import has_esp
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
_TEST = {"ssh": "openssh-client", "ssh-keygen": "openssh-client", "qemu-img": "qemu-utils"}


def needed(settings: Settings) -> dict[str, str]:
    """Return the programs that a build of `settings` runs, with their packages."""
    wanted = dict(_ALWAYS)
    if settings.boot_type != "bios" and settings.boot_manager != "none":
        wanted.update(_ESP)
    if {"qcow2", "vmdk", "vhd", "vhdx"} & set(settings.format):
        wanted.update(_QEMU)
    if "squashfs" in settings.format:
        wanted["mksquashfs"] = "squashfs-tools"
    if settings.sign:
        wanted["gpg"] = "gnupg"
    return wanted


def needed_to_test(settings: Settings) -> dict[str, str]:
    """Return the programs and files that starting the image takes, with their packages."""
    wanted = {**_TEST, "mkfs.vfat": "dosfstools", "mmd": "mtools"}
    return wanted | emulator.needed(settings.architecture, uefi=has_esp(settings))


def _is_there(name: str) -> bool:
    if name.startswith("/"):
        return Path(name).is_file()
    return shutil.which(name, path=PATH) is not None


def check_tools(settings: Settings) -> None:
    """Raise DebstackError, with the packages to install, where programs are missing."""
    wanted = needed(settings)
    if settings.test:
        wanted |= needed_to_test(settings)
    missing = {name: package for name, package in wanted.items() if not _is_there(name)}
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
