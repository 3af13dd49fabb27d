# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import struct
from pathlib import Path

import pytest

from debstack.base.run import run
from debstack_image.boot import configure_boot, fstab, grub_defaults, grub_menu, kernel_arguments
from debstack_image.chroot import Chroot
from debstack_image.disk import SECTOR, plan_layout, sfdisk_script
from debstack_image.formats import convert_argv
from debstack_image.grub import patched_boot_sector, patched_core
from debstack_image.identity import Identity
from debstack_image.index import ImageError
from debstack_image.settings import Settings
from debstack_image.values import GIB, MIB

IDENTITY = Identity("digest")


def made(**values: object) -> Settings:
    return Settings(**{"architecture": "amd64", **values})  # type: ignore[arg-type]


def test_the_root_is_last_so_that_it_can_grow() -> None:
    layout = plan_layout(made(), 500 * MIB)
    assert [part.role for part in layout.partitions] == ["bios", "esp", "root"]
    ends = [part.start + part.size for part in layout.partitions]
    assert ends == sorted(ends)
    assert all(part.start % MIB == 0 for part in layout.partitions)


@pytest.mark.parametrize("boot_type", ["hybrid", "uefi", "bios"])
def test_two_gigabytes_are_enough_for_every_firmware(boot_type: str) -> None:  # W-112
    layout = plan_layout(made(boot_type=boot_type, image_size=2 * GIB), 700 * MIB)
    root = layout.of("root")
    assert root is not None
    assert root.size > 1900 * MIB
    assert layout.size == 2 * GIB


def test_an_impossible_size_is_an_error_that_says_what_is_possible() -> None:
    with pytest.raises(ImageError, match=r"expected at least 769M .* got 100M"):
        plan_layout(made(image_size=100 * MIB), 700 * MIB)


def test_an_automatic_size_is_what_is_needed() -> None:
    root = plan_layout(made(), 700 * MIB).of("root")
    assert root is not None
    assert root.size == 700 * MIB


@pytest.mark.parametrize(
    ("values", "roles"),
    [
        ({"boot_type": "uefi"}, ["esp", "root"]),
        ({"boot_type": "bios"}, ["bios", "root"]),
        ({"partition_table": "mbr"}, ["esp", "root"]),
        ({"architecture": "arm64"}, ["esp", "root"]),
        ({"boot_manager": "systemd-boot"}, ["esp", "root"]),
        ({"boot_manager": "none"}, ["root"]),
        ({"kernel": "none"}, ["root"]),
    ],
)
def test_partitions_follow_the_firmware(values: dict[str, object], roles: list[str]) -> None:
    assert [part.role for part in plan_layout(made(**values), MIB).partitions] == roles


def test_all_identifiers_of_the_table_are_given() -> None:
    script = sfdisk_script(made(), plan_layout(made(), 500 * MIB), IDENTITY)
    lines = [line for line in script.splitlines() if "start=" in line]
    assert len(lines) == 3
    assert all("uuid=" in line for line in lines)
    assert "label-id: " + IDENTITY.uuid("disk") in script
    other = sfdisk_script(made(), plan_layout(made(), 500 * MIB), Identity("other"))
    assert other != script


def test_the_boot_sector_finds_the_core() -> None:
    boot = patched_boot_sector(bytes(SECTOR), 2048)
    assert len(boot) == 440
    assert struct.unpack_from("<Q", boot, 0x5C) == (2048,)


def test_the_core_finds_the_rest_of_itself() -> None:
    core = patched_core(bytes(SECTOR * 3 + 1), 2048)
    start, sectors = struct.unpack_from("<QH", core, SECTOR - 12)
    assert (start, sectors) == (2049, 3)
    assert len(core) == SECTOR * 3 + 1


def test_kernels_are_ordered_as_numbers(tmp_path: object) -> None:  # W-117
    from debstack_image.boot import _natural

    names = ["6.1.0-9-amd64", "6.1.0-10-amd64", "6.12.3-cloud", "6.2.0"]
    found = sorted(reversed(names), key=_natural)
    assert found == ["6.1.0-9-amd64", "6.1.0-10-amd64", "6.2.0", "6.12.3-cloud"]


def test_the_menu_starts_the_newest_kernel() -> None:
    text = grub_menu(made(), IDENTITY, ["6.1.0-9", "6.1.0-10"])
    assert text.index("vmlinuz-6.1.0-10") < text.index("vmlinuz-6.1.0-9 ")
    assert f"root=UUID={IDENTITY.uuid('root')} ro console=tty0 console=ttyS0,115200" in text


@pytest.mark.parametrize(
    ("console", "arguments"),
    [
        ("both", ["console=tty0", "console=ttyS0,115200"]),
        ("serial", ["console=ttyS0,115200"]),
        ("graphical", ["console=tty0"]),
    ],
)
def test_consoles(console: str, arguments: list[str]) -> None:
    assert kernel_arguments(made(console=console)) == arguments
    assert ("GRUB_TERMINAL=" in grub_defaults(made(console=console))) == (console != "graphical")


def test_no_kernel_arguments_but_those_asked_for() -> None:  # W-125: forced cgroup v1
    assert kernel_arguments(made(kernel_argument=("nosmt",)))[-1] == "nosmt"
    assert "cgroup" not in " ".join(kernel_arguments(made(release="bookworm")))


def test_arguments_of_the_kernel_mean_nothing_to_grub_and_its_shell(commands: None) -> None:
    given = ("ds=nocloud;s=http://192.0.2.1/", "a=$b`c`", "dyndbg={x}*")
    settings = made(kernel_argument=given)
    quoted = "'ds=nocloud;s=http://192.0.2.1/' 'a=$b`c`' 'dyndbg={x}*'"
    assert f"console=ttyS0,115200 {quoted}\n" in grub_menu(settings, IDENTITY, ["6.1"])
    read = run(["sh", "-uc", grub_defaults(settings) + 'printf %s "$GRUB_CMDLINE_LINUX"']).stdout
    assert read == f"console=tty0 console=ttyS0,115200 {quoted}"


def test_fstab_names_file_systems_by_their_identifiers() -> None:
    text = fstab(made(), IDENTITY)
    assert text.startswith(f"UUID={IDENTITY.uuid('root')} / ext4 ")
    assert " /boot/efi vfat " in text
    assert "/boot/efi" not in fstab(made(boot_type="bios"), IDENTITY)


@pytest.mark.parametrize("manager", ["grub", "systemd-boot"])
def test_what_fstab_mounts_has_a_place(tmp_path: Path, manager: str) -> None:
    configure_boot(Chroot(tmp_path, 1), made(boot_manager=manager), IDENTITY)
    assert " /boot/efi vfat " in (tmp_path / "etc" / "fstab").read_text()
    assert (tmp_path / "boot" / "efi").is_dir()


def test_qcow2_is_of_the_third_version_and_compressed_by_zstd(tmp_path: object) -> None:  # W-125
    argv = convert_argv("qcow2", made(), Path("disk"), Path("image"))
    assert "compat=1.1,compression_type=zstd" in " ".join(argv)
    plain = convert_argv("qcow2", made(compression="none"), Path("disk"), Path("image"))
    assert "-c" not in plain
