# SPDX-License-Identifier: Apache-2.0
"""What the firmware starts: the boot loader asked for, put on a disk that is a plain file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from debstack_image import grub, systemd_boot
from debstack_image.chroot import Chroot
from debstack_image.disk import Layout, copy_into, esp_size, has_bios, has_esp
from debstack_image.filesystem import make_fat
from debstack_image.identity import Identity
from debstack_image.settings import Settings


@dataclass(frozen=True, slots=True)
class Loaders:
    """What is written to the disk: boot sector and core for a BIOS, a file system for UEFI."""

    bios: tuple[bytes, bytes] | None
    esp: Path | None

    def write(self, disk: Path, layout: Layout) -> None:
        """Write them to their places on the disk."""
        part = layout.of("esp")
        if part and self.esp:
            copy_into(disk, part, self.esp)
        if self.bios:
            grub.write_bios(disk, layout, *self.bios)


def prepare(chroot: Chroot, settings: Settings, identity: Identity, scratch: Path) -> Loaders:
    """Make the loaders by the image's own packages; the tree must be complete by now."""
    bios = grub.make_core(chroot, identity) if has_bios(settings) else None
    if not has_esp(settings):
        return Loaders(bios, None)
    systemd = settings.boot_manager == "systemd-boot"
    files = (systemd_boot if systemd else grub).efi_files(chroot, settings, identity)
    esp = scratch / "esp"
    make_fat(esp, esp_size(settings), identity, chroot.epoch, files)
    return Loaders(bios, esp)
