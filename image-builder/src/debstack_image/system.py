# SPDX-License-Identifier: Apache-2.0
"""What the machine is called, speaks and where it has packages from; how its network comes up."""

from __future__ import annotations

from debstack.base.errors import DebstackError
from debstack_image import tree
from debstack_image.chroot import Chroot
from debstack_image.packages import WITH_LIBC
from debstack_image.settings import Settings
from debstack_image.sources import Sources

_RESOLVED = "../run/systemd/resolve/stub-resolv.conf"
#: Where nothing else says how: DHCP and IPv6 autoconfiguration on whatever Ethernet there is.
_DHCP = """\
[Match]
Type=ether

[Network]
DHCP=yes

[DHCPv4]
UseMTU=yes
"""
_NAMES = "127.0.0.1\tlocalhost\n::1\tlocalhost ip6-localhost ip6-loopback\n"


def _names(settings: Settings) -> str:
    own = "" if settings.hostname == "localhost" else f"127.0.1.1\t{settings.hostname}\n"
    return _NAMES + own + "ff02::1\tip6-allnodes\nff02::2\tip6-allrouters\n"


def _set_locale(chroot: Chroot, name: str) -> None:
    if name not in WITH_LIBC:
        supported = tree.place(chroot.root, "/usr/share/i18n/SUPPORTED").read_text(encoding="utf-8")
        # Some have no name but the short one: vi_VN UTF-8.
        lines = {f"{each} UTF-8": each for each in (name, name.replace(".UTF-8", ""))}
        line = next((line for line in lines if line in supported.splitlines()), None)
        if line is None:
            raise DebstackError(
                f"--locale: {name}: the release does not have it",
                hint="a name from /usr/share/i18n/SUPPORTED, such as de_DE.UTF-8",
            )
        name = lines[line]
        tree.write(chroot.root, "/etc/locale.gen", f"{line}\n")
        chroot.run(["locale-gen"])
    tree.write(chroot.root, "/etc/locale.conf", f"LANG={name}\n")
    tree.link(chroot.root, "/etc/default/locale", "../locale.conf")


def _set_time_zone(chroot: Chroot, zone: str) -> None:
    file = f"/usr/share/zoneinfo/{zone}"
    if not tree.place(chroot.root, file).is_file():
        raise DebstackError(
            f"--timezone: {zone}: the release does not have it",
            hint="a path below /usr/share/zoneinfo; old names are in the package tzdata-legacy",
        )
    tree.link(chroot.root, "/etc/localtime", file)
    tree.write(chroot.root, "/etc/timezone", f"{zone}\n")


def _set_keyboard(chroot: Chroot, layout: str) -> None:
    name, _, variant = layout.partition(":")
    tree.write(
        chroot.root,
        "/etc/default/keyboard",
        f'XKBMODEL="pc105"\nXKBLAYOUT="{name}"\nXKBVARIANT="{variant}"\nXKBOPTIONS=""\n'
        'BACKSPACE="guess"\n',
    )


def _set_sources(chroot: Chroot, sources: Sources) -> None:
    """Leave the image with one file of sources: the image's own, none of the build's."""
    root = chroot.root
    (root / "etc" / "apt" / "sources.list").unlink(missing_ok=True)
    for path in (root / "etc" / "apt" / "sources.list.d").iterdir():
        path.unlink()
    tree.write(root, "/etc/apt/sources.list.d/debian.sources", sources.image)


def _set_network(chroot: Chroot, settings: Settings) -> None:
    root = chroot.root
    if settings.network:
        text = settings.network.read_text(encoding="utf-8")
        tree.write(root, "/etc/netplan/50-image.yaml", text, 0o600)
        chroot.run(["netplan", "generate"])
    if settings.network or not settings.cloud_init:
        # cloud-init leaves the network alone when the image brings its own.
        disabled = "network: {config: disabled}\n"
        if settings.cloud_init:
            tree.write(root, "/etc/cloud/cloud.cfg.d/95-network.cfg", disabled)
    if not settings.network:
        # After every file that netplan or an administrator writes.
        tree.write(root, "/etc/systemd/network/99-dhcp.network", _DHCP)
    chroot.run(["systemctl", "enable", "--quiet", "systemd-networkd.service"])
    # Nothing that a machine starts waits for every interface to have an address.
    drop_in = (
        "[Service]\nExecStart=\nExecStart=/usr/lib/systemd/systemd-networkd-wait-online --any\n"
    )
    tree.write(root, "/etc/systemd/system/systemd-networkd-wait-online.service.d/any.conf", drop_in)
    tree.link(root, "/etc/resolv.conf", _RESOLVED)


def configure_system(chroot: Chroot, settings: Settings, sources: Sources) -> None:
    """Name, language, time zone, keyboard, apt sources and network. Raises DebstackError."""
    root = chroot.root
    tree.write(root, "/etc/hostname", f"{settings.hostname}\n")
    tree.write(root, "/etc/hosts", _names(settings))
    _set_locale(chroot, settings.locale)
    if settings.timezone != "Etc/UTC" or chroot.has("/usr/share/zoneinfo/Etc/UTC"):
        _set_time_zone(chroot, settings.timezone)
    if settings.keyboard:
        _set_keyboard(chroot, settings.keyboard)
    _set_sources(chroot, sources)
    _set_network(chroot, settings)
    for device in settings.add_serial_getty:
        unit = f"serial-getty@{device}.service"
        tree.link(
            root,
            f"/etc/systemd/system/getty.target.wants/{unit}",
            "/usr/lib/systemd/system/serial-getty@.service",
        )
