# SPDX-License-Identifier: Apache-2.0
"""systemd-boot: kernels in the EFI system partition, and entries for them."""

from __future__ import annotations

from pathlib import Path

from debstack_image import tree
from debstack_image.boot import kernel_arguments, kernel_releases
from debstack_image.chroot import Chroot
from debstack_image.filesystem import root_uuid
from debstack_image.identity import Identity
from debstack_image.index import ImageError
from debstack_image.settings import Settings

_EFI = {"amd64": "x64", "arm64": "aa64", "riscv64": "riscv64"}
#: What kernel-install calls our kernels by; by default it is the id of the machine.
_PREFIX = "debian"


def command_line(settings: Settings, identity: Identity) -> str:
    """Return the kernel's command line."""
    return " ".join([f"root=UUID={root_uuid(identity)}", "ro", *kernel_arguments(settings)])


def entry(release: str, options: str) -> str:
    """Return the menu's entry for a kernel."""
    folder = f"/{_PREFIX}/{release}"
    return (
        f"title Debian GNU/Linux\nversion {release}\nsort-key debian\noptions {options}\n"
        f"linux {folder}/linux\ninitrd {folder}/initrd.img-{release}\n"
    )


def efi_files(chroot: Chroot, settings: Settings, identity: Identity) -> dict[str, Path]:
    """Return the files of the EFI system partition by name."""
    root = chroot.root
    short = _EFI[settings.architecture]
    options = command_line(settings, identity)
    tree.write(root, "/etc/kernel/cmdline", f"{options}\n")
    tree.write(root, "/etc/kernel/entry-token", f"{_PREFIX}\n")
    loader = tree.place(root, f"/usr/lib/systemd/boot/efi/systemd-boot{short}.efi")
    signed = loader.with_name(f"{loader.name}.signed")
    if not signed.is_file() and not loader.is_file():
        raise ImageError(f"systemd-boot: the release has none for {settings.architecture}")
    start = signed if signed.is_file() else loader
    menu = tree.write(root, "/tmp/loader.conf", f"timeout {settings.boot_timeout}\n")  # noqa: S108
    files = {
        f"EFI/BOOT/BOOT{short.upper()}.EFI": start,
        f"EFI/systemd/systemd-boot{short}.efi": start,
        "loader/loader.conf": menu,
    }
    for release in kernel_releases(root):
        text = entry(release, options)
        path = tree.write(root, f"/tmp/{release}.conf", text)  # noqa: S108 - the image's
        files[f"loader/entries/{_PREFIX}-{release}.conf"] = path
        files[f"{_PREFIX}/{release}/linux"] = root / "boot" / f"vmlinuz-{release}"
        files[f"{_PREFIX}/{release}/initrd.img-{release}"] = root / "boot" / f"initrd.img-{release}"
    return files
