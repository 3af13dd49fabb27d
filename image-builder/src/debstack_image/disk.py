# SPDX-License-Identifier: Apache-2.0
"""Where things are on the disk, and the partition table, written by sfdisk to a plain file."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from debstack.base.run import run
from debstack_image.identity import Identity
from debstack_image.index import ImageError
from debstack_image.settings import Settings
from debstack_image.values import MIB

SECTOR = 512
_TAIL = MIB  # the copy of the partition table at the end of a GPT, and alignment
_BIOS_SIZE = 3 * MIB
#: Types of partitions as sfdisk knows them: of the table GPT, and of an MBR.
_TYPES = {
    "bios": ("21686148-6449-6E6F-744E-656564454649", ""),
    "esp": ("C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "ef"),
    "root": ("", "83"),
}
#: Root partitions of the Discoverable Partitions Specification.
_ROOT_TYPES = {
    "amd64": "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709",
    "arm64": "B921B045-1DF0-41C3-AF44-4C6F280D3FAE",
    "riscv64": "72EC70A6-CF74-40E6-BD49-4BDA08E8F224",
}
#: As Debian's own images for clouds number them; root is the last on the disk, so that it can grow.
_NUMBERS = {"root": 1, "bios": 14, "esp": 15}


@dataclass(frozen=True, slots=True, kw_only=True)
class Partition:
    """One partition: what it is for, where it begins, how long it is; bytes."""

    role: str
    start: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """A disk: its size in bytes and its partitions in the order that they lie in."""

    size: int
    partitions: tuple[Partition, ...]

    def of(self, role: str) -> Partition | None:
        """Return the partition for `role`, None if the disk has none."""
        return next((part for part in self.partitions if part.role == role), None)


def has_bios(settings: Settings) -> bool:
    """Tell whether the disk starts from a BIOS."""
    return (
        settings.boot_type in ("hybrid", "bios")
        and settings.architecture == "amd64"
        and settings.boot_manager == "grub"
        and settings.kernel != "none"
    )


def has_esp(settings: Settings) -> bool:
    """Tell whether the disk starts from UEFI."""
    return (
        settings.boot_type in ("hybrid", "uefi")
        and settings.boot_manager != "none"
        and settings.kernel != "none"
    )


def esp_size(settings: Settings) -> int:
    """Return the size of the EFI system partition: where kernels are in it, room for three."""
    return (512 if settings.boot_manager == "systemd-boot" else 64) * MIB


def plan_layout(settings: Settings, root_size: int) -> Layout:
    """Return where everything is. `root_size` is what the root file system needs at least.

    Raises ImageError where the disk that was asked for is too small.
    """
    position = MIB
    parts = []
    wanted = []
    if has_bios(settings) and settings.partition_table == "gpt":
        wanted.append(("bios", _BIOS_SIZE))
    if has_esp(settings):
        wanted.append(("esp", esp_size(settings)))
    for role, size in wanted:
        parts.append(Partition(role=role, start=position, size=size))
        position += size
    tail = _TAIL if settings.partition_table == "gpt" else 0
    needed = position + -(-root_size // MIB) * MIB + tail
    size = settings.image_size // MIB * MIB or needed
    if size < needed:
        raise ImageError(
            f"--image-size: expected at least {-(-needed // MIB)}M for what is in the image, "
            f"got {settings.image_size // MIB}M",
            hint="without --image-size the disk is as large as it needs to be",
        )
    parts.append(Partition(role="root", start=position, size=size - tail - position))
    return Layout(size=size, partitions=tuple(parts))


def sfdisk_script(settings: Settings, layout: Layout, identity: Identity) -> str:
    """Return the partition table as sfdisk reads it; every identifier is given."""
    gpt = settings.partition_table == "gpt"
    label_id = identity.uuid("disk") if gpt else f"0x{identity.volume('disk'):08x}"
    lines = [f"label: {'gpt' if gpt else 'dos'}", f"label-id: {label_id}", "unit: sectors"]
    lines += ["sector-size: 512", ""]
    for number, part in enumerate(layout.partitions, 1):
        kind = _TYPES[part.role][0 if gpt else 1]
        if gpt and part.role == "root":
            kind = _ROOT_TYPES[settings.architecture]
        where = f"start={part.start // SECTOR}, size={part.size // SECTOR}, type={kind}"
        if gpt:
            prefix = f"{_NUMBERS[part.role]} : "
            where += f", uuid={identity.uuid(f'partition {part.role}')}"
        else:
            # The root is the first partition here too, though it lies behind the other.
            prefix = f"{1 if part.role == 'root' else number + 1} : "
            where += ", bootable" if part.role == "root" else ""
        lines.append(prefix + where)
    return "\n".join(lines) + "\n"


def make_disk(path: Path, settings: Settings, layout: Layout, identity: Identity) -> None:
    """Make the file `path` a disk with its partition table and nothing else."""
    with path.open("wb") as stream:
        stream.truncate(layout.size)
    run(
        ["sfdisk", "--quiet", "--no-reread", "--no-tell-kernel", os.fspath(path)],
        input=sfdisk_script(settings, layout, identity),
    )


def copy_into(disk: Path, part: Partition, source: Path) -> None:
    """Copy the file `source` to a partition; blocks of zeros are left out."""
    zeros = bytes(MIB)
    with source.open("rb") as given, disk.open("r+b") as stream:
        position = part.start
        while block := given.read(MIB):
            if block != zeros[: len(block)]:
                stream.seek(position)
                stream.write(block)
            position += len(block)
