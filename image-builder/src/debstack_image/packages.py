# SPDX-License-Identifier: Apache-2.0
"""Which packages an image is made of."""

from __future__ import annotations

from collections.abc import Iterable

from debstack.base.errors import DebstackError
from debstack_image.settings import Settings

#: Found in every Debian installation, and of no use in a machine that a cloud configures.
_NOT_OF_IMPORTANT = (
    "dhcpcd-base",
    "dmidecode",
    "ifupdown",
    "isc-dhcp-client",
    "isc-dhcp-common",
    "tasksel",
    "tasksel-data",
    "vim-common",
    "vim-tiny",
)
_ALWAYS = (
    "apt",
    "ca-certificates",
    "dbus",
    "debian-archive-keyring",
    "e2fsprogs",
    "iproute2",
    "kmod",
    # Without it nobody gets in on a console; it is not essential since trixie.
    "login",
    "netbase",
    "openssh-server",
    "procps",
    "sudo",
    "systemd-resolved",
    "systemd-sysv",
    "systemd-timesyncd",
    "udev",
    "zstd",
)
_STANDARD = ("bash-completion", "curl", "less")
_RESCUE = (
    "btrfs-progs",
    "cryptsetup-bin",
    "dosfstools",
    "gdisk",
    "lvm2",
    "mdadm",
    "parted",
    "xfsprogs",
)
#: Locales that are there without the package of all others.
WITH_LIBC = ("C.UTF-8", "POSIX", "C")
_FILESYSTEM = {"ext4": "e2fsprogs", "xfs": "xfsprogs", "btrfs": "btrfs-progs"}


def priority_pattern(settings: Settings) -> list[str]:
    """Return the patterns of apt for the packages that every installation has."""
    if settings.minimal:
        return []
    names = sorted({*_NOT_OF_IMPORTANT, *settings.without})
    left_out = ",".join(f"?exact-name({name})" for name in names)
    native = f"?architecture({settings.architecture}),?not(?essential)"
    wanted = "?or(?priority(required),?priority(important))"
    return [f"?and({native},{wanted},?not(?or({left_out})))"]


def kernel_package(settings: Settings) -> str | None:
    """Return the name of the kernel's metapackage."""
    if settings.kernel == "none":
        return None
    # Debian has no kernel for clouds but on these.
    cloud = settings.kernel == "cloud" and settings.architecture in ("amd64", "arm64")
    flavour = f"cloud-{settings.architecture}" if cloud else settings.architecture
    return f"linux-image-{flavour}"


def boot_packages(settings: Settings) -> list[str]:
    """Return what the boot loader comes from."""
    architecture = settings.architecture
    if settings.kernel == "none" or settings.boot_manager == "none":
        return []
    if settings.boot_manager == "systemd-boot":
        return ["systemd-boot"]
    if architecture == "amd64":
        # Both firmwares; its maintainer scripts renew the loader when GRUB is upgraded.
        return ["grub-cloud-amd64"]
    signed = ["grub-efi-arm64-signed", "shim-signed"] if architecture == "arm64" else []
    return [f"grub-efi-{architecture}", *signed]


def check_left_out(settings: Settings, known: Iterable[str]) -> None:
    """Raise DebstackError where a package that is to be left out is among the `known` of an image.

    It is there because another one depends on it.
    """
    there = sorted(set(settings.without) & set(known))
    if there:
        raise DebstackError(
            f"--without: {', '.join(there)}: what else is in the image needs it",
            hint="leave out what needs it, too: apt-cache rdepends NAME lists that",
        )


def wanted_packages(settings: Settings) -> list[str]:
    """Return names (with =version where one was given) of what the image has, sorted."""
    wanted = {*_ALWAYS, *boot_packages(settings), _FILESYSTEM[settings.filesystem]}
    if not settings.minimal:
        wanted.update(_STANDARD)
    if settings.cloud_init:
        # dhcpcd-base or another client: cloud-init asks for one to find the Ec2 data source.
        wanted.update(("cloud-init", "cloud-guest-utils", "netplan.io", "dhcpcd-base"))
    else:
        wanted.add("cloud-guest-utils")
    if settings.network:
        wanted.add("netplan.io")
    if settings.rescue:
        wanted.update(_RESCUE)
    if settings.keyboard:
        wanted.update(("console-setup", "keyboard-configuration"))
    if settings.locale not in WITH_LIBC:
        wanted.add("locales")
    if settings.timezone != "Etc/UTC":
        wanted.add("tzdata")
    kernel = kernel_package(settings)
    if kernel:
        # What makes the initramfs here: kernels of trixie-backports and forky would bring dracut.
        wanted.add("initramfs-tools")
        wanted.add(
            f"{kernel}/{settings.release}-backports" if settings.kernel_from_backports else kernel
        )
    wanted -= set(settings.without)
    named = {text.partition("=")[0] for text in settings.extra_packages}
    return sorted({name for name in wanted if name not in named} | set(settings.extra_packages))
