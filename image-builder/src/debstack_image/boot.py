# SPDX-License-Identifier: Apache-2.0
"""How the image starts: kernel's command line, fstab, initramfs, and GRUB's own menu."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence
from pathlib import Path

from debstack_image import tree
from debstack_image.chroot import Chroot
from debstack_image.disk import has_esp
from debstack_image.filesystem import fat_uuid, root_uuid
from debstack_image.identity import Identity
from debstack_image.index import ImageError
from debstack_image.settings import Settings

_SERIAL = {"amd64": "ttyS0,115200", "arm64": "ttyAMA0,115200", "riscv64": "ttyS0,115200"}
_MOUNT = {"ext4": "discard,errors=remount-ro", "xfs": "discard", "btrfs": "discard=async"}


def console_arguments(settings: Settings) -> list[str]:
    """Return the consoles; the kernel's last one is where init writes."""
    graphical = ["console=tty0"] if settings.console in ("both", "graphical") else []
    serial = [f"console={_SERIAL[settings.architecture]}"]
    return graphical + (serial if settings.console in ("both", "serial") else [])


def kernel_arguments(settings: Settings) -> list[str]:
    """Return what is on the kernel's command line, besides the root file system."""
    return [*console_arguments(settings), *settings.kernel_argument]


def for_grub(arguments: Sequence[str]) -> str:
    """Return arguments of the kernel as GRUB's language has them: ds=nocloud;s=… in quotes.

    Between single quotation marks nothing has a meaning there, as in a shell.
    """
    return " ".join(map(shlex.quote, arguments))


def _natural(text: str) -> list[tuple[int, str]]:
    """Return a key that orders 6.1.0-9 before 6.1.0-10."""
    return [
        (int(part), "") if part.isdigit() else (-1, part) for part in re.findall(r"\d+|\D+", text)
    ]


def kernel_releases(root: Path) -> list[str]:
    """Return the kernels in the tree, oldest first."""
    found = [path.name.removeprefix("vmlinuz-") for path in (root / "boot").glob("vmlinuz-*")]
    return sorted(found, key=_natural)


def newest_kernel(root: Path) -> str:
    """Return the release of the newest kernel in the tree. Raises ImageError if it has none."""
    found = kernel_releases(root)
    if not found:
        raise ImageError("boot: expected a kernel in the image's /boot, found none")
    return found[-1]


def make_initramfs(chroot: Chroot) -> None:
    """Make the initramfs of every kernel in the tree, with the image's time in it."""
    chroot.run(["update-initramfs", "-c", "-k", "all"])


def fstab(settings: Settings, identity: Identity) -> str:
    """Return /etc/fstab. The root file system grows with its partition."""
    check = 0 if settings.filesystem in ("xfs", "btrfs") else 1
    kind = settings.filesystem
    lines = [f"UUID={root_uuid(identity)} / {kind} rw,{_MOUNT[kind]},x-systemd.growfs 0 {check}"]
    if has_esp(settings):
        lines.append(f"UUID={fat_uuid(identity)} /boot/efi vfat defaults,umask=0077 0 0")
    return "\n".join(lines) + "\n"


def grub_defaults(settings: Settings) -> str:
    """Return the settings that update-grub reads when a kernel is installed in the machine."""
    # Read by a shell, and then, as it is, by GRUB.
    arguments = re.sub(r"([$`])", r"\\\1", for_grub(kernel_arguments(settings)))
    lines = [
        "# Written by build-openstack-debian-image.",
        f'GRUB_CMDLINE_LINUX="{arguments}"',
        'GRUB_CMDLINE_LINUX_DEFAULT=""',
        f"GRUB_TIMEOUT={settings.boot_timeout}",
        "GRUB_RECORDFAIL_TIMEOUT=0",
        "GRUB_DISABLE_OS_PROBER=true",
    ]
    if settings.console != "graphical":
        lines.append('GRUB_TERMINAL="console serial"')
        lines.append('GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"')
    return "\n".join(lines) + "\n"


def grub_menu(settings: Settings, identity: Identity, releases: list[str]) -> str:
    """Return GRUB's menu for the kernels there are; update-grub needs the running machine."""
    uuid = root_uuid(identity)
    arguments = for_grub([f"root=UUID={uuid}", "ro", *kernel_arguments(settings)])
    lines = [
        "# Written by build-openstack-debian-image; update-grub writes it anew.",
        f"search --no-floppy --fs-uuid --set=root {uuid}",
        f"set timeout={settings.boot_timeout}",
        "set default=0",
    ]
    for release in reversed(releases):
        lines += [
            f"menuentry 'Debian GNU/Linux, {release}' {{",
            f"\tlinux /boot/vmlinuz-{release} {arguments}",
            f"\tinitrd /boot/initrd.img-{release}",
            "}",
        ]
    return "\n".join(lines) + "\n"


def configure_boot(chroot: Chroot, settings: Settings, identity: Identity) -> None:
    """Write fstab, and what GRUB reads at the first start and when kernels change."""
    root = chroot.root
    tree.write(root, "/etc/fstab", fstab(settings, identity))
    if has_esp(settings):
        tree.make_folder(root / "boot" / "efi")
    if settings.kernel == "none" or settings.boot_manager != "grub":
        return
    tree.write(root, "/etc/default/grub.d/50-image.cfg", grub_defaults(settings))
    menu = grub_menu(settings, identity, kernel_releases(root))
    tree.write(root, "/boot/grub/grub.cfg", menu, 0o600)
