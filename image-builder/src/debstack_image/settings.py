# SPDX-License-Identifier: Apache-2.0
"""All that can be asked for: one field each; command line, file and manual follow from them."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from debstack_image import values

WHAT = "What is built"
SOURCES = "Where packages come from"
PACKAGES = "Packages"
DISK = "Disk and files"
BOOT = "Boot"
ACCESS = "Users and access"
SYSTEM = "The system in the image"
CUSTOM = "Your own changes"
PROVENANCE = "Provenance and publishing"
BUILD = "How it is built"
GROUPS = (WHAT, SOURCES, PACKAGES, DISK, BOOT, ACCESS, SYSTEM, CUSTOM, PROVENANCE, BUILD)

FORMATS = ("qcow2", "raw", "vmdk", "vhd", "vhdx", "tar", "squashfs", "kernel")
ARCHITECTURES = ("amd64", "arm64", "riscv64")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """How a field is given: its value's name and reader (None: a switch), help, group, short form.

    With `many` the option may be repeated, and its values add up. `also` are other spellings.
    """

    help: str
    group: str
    metavar: str
    read: values.Reader | None
    short: str | None
    also: tuple[str, ...]
    many: bool


def _option(
    default: Any,
    text: str,
    group: str,
    *,
    metavar: str = "",
    read: values.Reader | None = None,
    short: str | None = None,
    also: tuple[str, ...] = (),
    many: bool = False,
) -> Any:
    option = Option(
        help=text, group=group, metavar=metavar, read=read, short=short, also=also, many=many
    )
    return field(default=default, metadata={"option": option})


def _chosen(default: str, text: str, group: str, *known: str, **more: Any) -> Any:
    return _option(
        default, text, group, metavar="|".join(known), read=values.choice(*known), **more
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What to build and how. Sizes are bytes, times are seconds, paths are absolute."""

    release: str = _option(
        "trixie",
        "Debian release, by the name that the mirror has it under",
        WHAT,
        metavar="NAME",
        read=values.codename,
        short="r",
    )
    architecture: str = _option(
        "",
        "architecture of the image (default: this machine's)",
        WHAT,
        metavar="|".join(ARCHITECTURES),
        read=values.choice(*ARCHITECTURES),
        short="a",
    )
    minimal: bool = _option(
        False, "leave out all that a machine can start and be reached without", WHAT, short="m"
    )
    kernel: str = _chosen(
        "cloud",
        "kernel: for virtual machines (cloud), with all drivers (generic), or none",
        WHAT,
        "cloud",
        "generic",
        "none",
    )
    kernel_from_backports: bool = _option(
        False, "take the kernel from the release's backports", WHAT
    )
    cloud_init: bool = _option(True, "configure the machine by cloud-init at first boot", WHAT)
    datasources: tuple[str, ...] = _option(
        ("NoCloud", "ConfigDrive", "OpenStack", "Ec2", "None"),
        "where cloud-init looks, in this order",
        WHAT,
        metavar="NAME,…",
        read=values.several(values.word),
    )
    rescue: bool = _option(
        False, "an image to repair machines with: root by key, login on the serial console", WHAT
    )

    mirror: str = _option(
        "",
        "Debian archive to build from (default: that of this machine's apt)",
        SOURCES,
        metavar="URI",
        read=values.mirror,
        short="u",
        also=("debootstrap-url",),
    )
    security_mirror: str = _option(
        "",
        "archive of security updates (default: this machine's; beside --mirror, its -security)",
        SOURCES,
        metavar="URI",
        read=values.mirror,
    )
    image_mirror: str = _option(
        "",
        "archive that the image's own apt uses (default: the one it is built from)",
        SOURCES,
        metavar="URI",
        read=values.mirror,
        short="s",
    )
    image_security_mirror: str = _option(
        "",
        "archive of security updates that the image's own apt uses",
        SOURCES,
        metavar="URI",
        read=values.mirror,
    )
    pockets: bool = _option(
        True, "use the release's updates and security updates, where it has them", SOURCES
    )
    keyring: Path | None = _option(
        None,
        "keys that the mirror's signature is checked with (default: Debian's)",
        SOURCES,
        metavar="FILE",
        read=values.existing_file,
        short="k",
        also=("debootstrap-keyring-file",),
    )
    components: tuple[str, ...] = _option(
        ("main",),
        "components of the archive",
        SOURCES,
        metavar="NAME,…",
        read=values.several(values.component),
    )
    backports: bool = _option(False, "let the image's apt know the release's backports", SOURCES)
    check_valid_until: bool = _option(
        True, "refuse an index of the mirror that is past its date", SOURCES
    )
    repository: tuple[Path, ...] = _option(
        (),
        "further apt source, in deb822 form; stays in the image, with the key that Signed-By names",
        SOURCES,
        metavar="FILE",
        read=values.existing_file,
        many=True,
    )

    extra_packages: tuple[str, ...] = _option(
        (),
        "packages to add",
        PACKAGES,
        metavar="NAME,…",
        read=values.several(values.package),
        short="e",
        also=("include",),
        many=True,
    )
    without: tuple[str, ...] = _option(
        (),
        "packages to leave out of those that are there by default",
        PACKAGES,
        metavar="NAME,…",
        read=values.several(values.package),
        many=True,
    )
    translations: bool = _option(
        False, "keep messages in other languages than that of --locale", PACKAGES
    )
    recommends: bool = _option(False, "install what packages recommend, too", PACKAGES)
    preseed: tuple[Path, ...] = _option(
        (),
        "answers to debconf's questions, in the form of debconf-set-selections",
        PACKAGES,
        metavar="FILE",
        read=values.existing_file,
        many=True,
    )

    image_size: int = _option(
        0,
        "size of the disk; auto: what is in it and --head-room",
        DISK,
        metavar="SIZE|auto",
        read=values.size_or_auto,
    )
    head_room: int = _option(
        256 * values.MIB,
        "free space on the root file system of a disk of automatic size",
        DISK,
        metavar="SIZE",
        read=values.size,
        also=("automatic-resize-space",),
    )
    partition_table: str = _chosen("gpt", "kind of the partition table", DISK, "gpt", "mbr")
    filesystem: str = _chosen("ext4", "root file system", DISK, "ext4", "btrfs", "xfs")
    format: tuple[str, ...] = _option(
        ("qcow2",),
        "what to write, of one build: " + ", ".join(FORMATS),
        DISK,
        metavar="NAME,…",
        read=values.several(values.choice(*FORMATS)),
    )
    compression: str = _chosen("zstd", "compression of qcow2 images", DISK, "zstd", "zlib", "none")
    output: Path = _option(
        Path(),
        "folder for what is written (default: the current one)",
        DISK,
        metavar="DIR",
        read=values.folder,
        short="o",
    )
    name: str = _option(
        "",
        "start of the files' names (default: debian-RELEASE-ARCHITECTURE)",
        DISK,
        metavar="NAME",
        read=values.file_name,
    )

    boot_manager: str = _chosen("grub", "boot loader", BOOT, "grub", "systemd-boot", "none")
    boot_type: str = _chosen(
        "hybrid",
        "firmware that the disk boots from; hybrid: both",
        BOOT,
        "hybrid",
        "bios",
        "uefi",
    )
    boot_timeout: int = _option(
        0, "seconds that the boot menu waits", BOOT, metavar="SECONDS", read=values.seconds
    )
    console: str = _chosen(
        "both", "where the kernel writes and one logs in", BOOT, "both", "serial", "graphical"
    )
    kernel_argument: tuple[str, ...] = _option(
        (),
        "argument to add to the kernel's command line",
        BOOT,
        metavar="ARGUMENT",
        read=values.kernel_argument,
        many=True,
    )
    add_serial_getty: tuple[str, ...] = _option(
        (),
        "further serial device to offer a login on",
        BOOT,
        metavar="DEVICE",
        read=values.device,
        many=True,
    )

    login: str = _option(
        "debian",
        "the user that cloud-init makes, or the image has where there is no cloud-init",
        ACCESS,
        metavar="NAME",
        read=values.user_name,
        short="l",
    )
    ssh_key: tuple[Path, ...] = _option(
        (),
        "public keys that may log in as that user, besides those from the cloud",
        ACCESS,
        metavar="FILE",
        read=values.existing_file,
        many=True,
    )
    root_ssh_key: tuple[Path, ...] = _option(
        (),
        "public keys that may log in as root",
        ACCESS,
        metavar="FILE",
        read=values.existing_file,
        many=True,
    )
    root_password_file: Path | None = _option(
        None,
        "file whose first line is root's password, or its hash as crypt(5) has it",
        ACCESS,
        metavar="FILE",
        read=values.existing_file,
    )
    login_password_file: Path | None = _option(
        None,
        "the same for the user",
        ACCESS,
        metavar="FILE",
        read=values.existing_file,
    )
    permit_ssh_as_root: bool = _option(False, "let root log in by ssh with a password, too", ACCESS)
    tty_autologin: bool = _option(False, "log root in on the consoles without a password", ACCESS)

    hostname: str = _option(
        "localhost",
        "name of the machine until cloud-init gives it another",
        SYSTEM,
        metavar="NAME",
        read=values.host_name,
    )
    locale: str = _option(
        "C.UTF-8", "language of the system", SYSTEM, metavar="NAME", read=values.locale
    )
    timezone: str = _option("Etc/UTC", "time zone", SYSTEM, metavar="NAME", read=values.time_zone)
    keyboard: str = _option(
        "",
        "keyboard layout of the graphical console",
        SYSTEM,
        metavar="LAYOUT",
        read=values.keyboard,
    )
    network: Path | None = _option(
        None,
        "netplan file to configure the network by (default: DHCP on every Ethernet interface)",
        SYSTEM,
        metavar="FILE",
        read=values.existing_file,
    )

    overlay: tuple[Path, ...] = _option(
        (),
        "tree to copy over the image's, owned by root",
        CUSTOM,
        metavar="DIR",
        read=values.existing_folder,
        many=True,
    )
    hook_script: tuple[Path, ...] = _option(
        (),
        "program to run before the image is cleaned, or a folder of them",
        CUSTOM,
        metavar="PATH",
        read=values.existing_path,
        also=("hook",),
        many=True,
    )

    sbom: bool = _option(True, "write a list of the parts in CycloneDX form", PROVENANCE)
    sign: str = _option(
        "",
        "sign the checksums with this key of gpg",
        PROVENANCE,
        metavar="KEY",
        read=values.word,
    )
    source_date_epoch: int = _option(
        0,
        "time that the image is of (default: that of its newest package)",
        PROVENANCE,
        metavar="SECONDS",
        read=values.epoch,
    )
    reproduce: Path | None = _option(
        None,
        "build again what this manifest describes, with the very versions in it",
        PROVENANCE,
        metavar="MANIFEST",
        read=values.existing_file,
    )
    upload: str = _option(
        "",
        "upload the image to the Glance of this cloud of clouds.yaml",
        PROVENANCE,
        metavar="CLOUD",
        read=values.word,
    )
    old_images: str = _chosen(
        "deactivate",
        "what becomes of images of the same name after an upload",
        PROVENANCE,
        "deactivate",
        "keep",
        "hide",
    )

    test: bool = _option(False, "boot what was built, in an emulator, and log in to it", BUILD)
    cache: bool = _option(True, "keep and use unpacked packages of earlier builds", BUILD)
    refresh: bool = _option(False, "build anew even what the cache has, and put it there", BUILD)
    cache_dir: Path | None = _option(
        None,
        "folder of the cache (default: debstack-image in the user's)",
        BUILD,
        metavar="DIR",
        read=values.folder,
    )
    cache_size: int = _option(
        4 * values.GIB,
        "most that the cache may take; what was used longest ago goes first",
        BUILD,
        metavar="SIZE",
        read=values.size,
    )
    scratch_dir: Path | None = _option(
        None,
        "folder to work in (default: memory if it suffices, else TMPDIR)",
        BUILD,
        metavar="DIR",
        read=values.existing_folder,
    )

    def option_of(self, name: str) -> Option:
        """Return how the field `name` is given."""
        return OPTIONS[name]

    @property
    def title(self) -> str:
        """The start of the written files' names."""
        role = "-minimal" if self.minimal else ""
        return self.name or f"debian-{self.release}{role}-{self.architecture}"


#: Field to how it is given, in the order of the manual.
OPTIONS: dict[str, Option] = {
    item.name: item.metadata["option"] for item in fields(Settings) if "option" in item.metadata
}


def spelling(name: str) -> str:
    """Return how a field is spelt on the command line and in the file."""
    return name.replace("_", "-")
