# SPDX-License-Identifier: Apache-2.0
"""GRUB on a disk that is a plain file: the boot sector, the core behind it, the files for UEFI.

What grub-install does needs devices that the kernel knows. The positions patched here are those
that GRUB's own boot.S and diskboot.S reserve for it.
"""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

from debstack_image import tree
from debstack_image.chroot import Chroot
from debstack_image.disk import SECTOR, Layout
from debstack_image.filesystem import root_uuid
from debstack_image.identity import Identity
from debstack_image.index import ImageError
from debstack_image.settings import Settings
from debstack_image.values import MIB

#: In the first sector: the bytes that are code, where the core's sector is written, and the jump
#: that is taken out where the BIOS may not say which disk it started from.
_BOOT_CODE = 440
_KERNEL_SECTOR = 0x5C
_DRIVE_CHECK = 0x66
_NO_OPERATION = b"\x90\x90"
#: At the end of the core's first sector: where the rest of it is (64 bits), and how many sectors.
_BLOCK_LIST = SECTOR - 12
_PC_MODULES = [
    "biosdisk",
    "part_gpt",
    "part_msdos",
    "ext2",
    "btrfs",
    "xfs",
    "search",
    "search_fs_uuid",
    "normal",
    "configfile",
    "linux",
    "echo",
    "test",
    "serial",
    "terminal",
    "gzio",
]
_EFI_MODULES = [
    "part_gpt",
    "part_msdos",
    "fat",
    "ext2",
    "btrfs",
    "xfs",
    "search",
    "search_fs_uuid",
    "normal",
    "configfile",
    "linux",
]
#: Architecture to the names that UEFI, shim and GRUB have there.
_EFI = {
    "amd64": ("x64", "x86_64-efi"),
    "arm64": ("aa64", "arm64-efi"),
    "riscv64": ("riscv64", "riscv64-efi"),
}


def early_config(identity: Identity) -> str:
    """Return what finds the menu: on the root file system, wherever that is."""
    return (
        f"search.fs_uuid {root_uuid(identity)} root\n"
        "set prefix=($root)/boot/grub\n"
        "configfile $prefix/grub.cfg\n"
    )


def patched_boot_sector(boot: bytes, core_sector: int) -> bytes:
    """Return GRUB's boot sector for a core that begins at `core_sector` of the disk."""
    code = bytearray(boot[:_BOOT_CODE])
    struct.pack_into("<Q", code, _KERNEL_SECTOR, core_sector)
    code[_DRIVE_CHECK : _DRIVE_CHECK + 2] = _NO_OPERATION
    return bytes(code)


def patched_core(core: bytes, core_sector: int) -> bytes:
    """Return GRUB's core, told where on the disk the rest of it is."""
    data = bytearray(core)
    rest = -(-len(core) // SECTOR) - 1
    struct.pack_into("<QH", data, _BLOCK_LIST, core_sector + 1, rest)
    return bytes(data)


def make_core(chroot: Chroot, identity: Identity) -> tuple[bytes, bytes]:
    """Return the boot sector and the core of GRUB for BIOS, made by the image's own GRUB."""
    root = chroot.root
    modules = tree.place(root, "/usr/lib/grub/i386-pc")
    target = tree.place(root, "/boot/grub/i386-pc")
    if not target.is_dir():
        tree.make_folder(target.parent)
        target.mkdir(mode=0o755)
        for path in sorted(modules.iterdir()):
            if path.suffix in (".mod", ".lst"):
                shutil.copyfile(path, target / path.name)
    early = tree.write(root, "/tmp/early.cfg", early_config(identity))  # noqa: S108 - the image's
    make = ["grub-mkimage", "--format=i386-pc", "--prefix=/boot/grub", "--config=/tmp/early.cfg"]
    chroot.run([*make, "--output=/tmp/core.img", *_PC_MODULES])
    core = tree.place(root, "/tmp/core.img").read_bytes()  # noqa: S108 - the image's
    early.unlink()
    return (modules / "boot.img").read_bytes(), core


def write_bios(disk: Path, layout: Layout, boot: bytes, core: bytes) -> None:
    """Write boot sector and core to the disk: the core to its partition, or before the first."""
    part = layout.of("bios")
    start = part.start if part else SECTOR
    room = part.size if part else MIB - SECTOR
    if len(core) > room:
        raise ImageError(f"GRUB: expected a core of at most {room} bytes, got {len(core)}")
    with disk.open("r+b") as stream:
        stream.write(patched_boot_sector(boot, start // SECTOR))
        stream.seek(start)
        stream.write(patched_core(core, start // SECTOR))


def efi_files(chroot: Chroot, settings: Settings, identity: Identity) -> dict[str, Path]:
    """Return the files of the EFI system partition by name: where firmware looks for them.

    Debian's signed shim and GRUB where there are some, so that Secure Boot works; GRUB made here
    for the other architectures.
    """
    root = chroot.root
    short, target = _EFI[settings.architecture]
    stub = tree.write(root, "/tmp/stub.cfg", early_config(identity))  # noqa: S108 - the image's
    shim = tree.place(root, f"/usr/lib/shim/shim{short}.efi.signed")
    signed = tree.place(root, f"/usr/lib/grub/{target}-signed/grub{short}.efi.signed")
    first = f"EFI/BOOT/BOOT{short.upper()}.EFI"
    if shim.is_file() and signed.is_file():
        manager = tree.place(root, f"/usr/lib/shim/mm{short}.efi.signed")
        files = {first: shim, f"EFI/BOOT/grub{short}.efi": signed, "EFI/debian/grub.cfg": stub}
        if manager.is_file():
            files[f"EFI/BOOT/mm{short}.efi"] = manager
        return files
    make = ["grub-mkimage", f"--format={target}", "--prefix=/boot/grub", "--config=/tmp/stub.cfg"]
    chroot.run([*make, f"--output=/tmp/grub{short}.efi", *_EFI_MODULES])
    return {first: tree.place(root, f"/tmp/grub{short}.efi")}  # noqa: S108 - the image's
