# SPDX-License-Identifier: Apache-2.0
"""What the machine does when it first starts: by cloud-init, or by two small units without it."""

from __future__ import annotations

import json
from pathlib import Path

from debstack_image import tree
from debstack_image.access import has_group
from debstack_image.chroot import Chroot
from debstack_image.index import ImageError
from debstack_image.settings import Settings

_GROW = """\
[Unit]
Description=Let the root partition and its file system fill the disk
DefaultDependencies=no
After=systemd-remount-fs.service
Before=local-fs.target
ConditionPathExists=!/var/lib/image-grown

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/lib/debstack-image/grow-root
ExecStart=/usr/bin/touch /var/lib/image-grown

[Install]
WantedBy=local-fs.target
"""
#: growpart says 1 where there is nothing to grow.
_GROW_ROOT = """\
#!/bin/sh
# Lets the root partition and its file system fill the disk; made by build-openstack-debian-image.
set -eu
device=$(findmnt --noheadings --output SOURCE --nofsroot /)
name=$(basename "$(readlink -f "$device")")
number=$(cat "/sys/class/block/$name/partition")
disk=/dev/$(basename "$(readlink -f "/sys/class/block/$name/..")")
growpart "$disk" "$number" || [ $? = 1 ]
exec /usr/lib/systemd/systemd-growfs /
"""
_HOST_KEYS = """\
[Unit]
Description=Make the host keys of this machine
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
Before=ssh.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=ssh.service
"""


def cloud_config(settings: Settings, *, group: bool = False) -> str:
    """Return our part of cloud-init's configuration; JSON is YAML, quoted for certain.

    With `group` the image has a group of the login user's name, which becomes the user's.
    """
    lines = [
        "# Written by build-openstack-debian-image.",
        f"datasource_list: {json.dumps(list(settings.datasources))}",
        # This network is only asked for where the machine says that it is OpenStack's.
        "datasource: {Ec2: {strict_id: true}}",
        "disable_root: " + ("false" if settings.root_ssh_key or settings.rescue else "true"),
        "system_info:",
        "  default_user:",
        f"    name: {json.dumps(settings.login)}",
        *([f"    primary_group: {json.dumps(settings.login)}"] if group else []),
        "    gecos: Debian",
        "    lock_passwd: " + ("false" if settings.login_password_file else "true"),
        "    groups: [adm, sudo]",
        '    sudo: ["ALL=(ALL) NOPASSWD:ALL"]',
        "    shell: /bin/bash",
        "  network:",
        "    renderers: [netplan, networkd, eni]",
        # The image has one already.
        "locale: false",
    ]
    if settings.permit_ssh_as_root:
        lines.append("ssh_pwauth: true")
    return "\n".join(lines) + "\n"


def _check_datasources(root: Path, settings: Settings) -> None:
    """Raise ImageError for data sources that the image's cloud-init does not know."""
    modules = tree.place(root, "/usr/lib/python3/dist-packages/cloudinit/sources/x").parent
    known = [path.stem.removeprefix("DataSource") for path in modules.glob("DataSource*.py")]
    unknown = [name for name in settings.datasources if name not in known]
    if unknown:
        raise ImageError(
            f"--datasources: {', '.join(unknown)}: the release's cloud-init does not know it",
            hint=f"it knows {', '.join(sorted(known))}",
        )


def configure_first_boot(chroot: Chroot, settings: Settings) -> None:
    """Leave the image ready to become a machine of its own."""
    root = chroot.root
    if settings.cloud_init:
        _check_datasources(root, settings)
        text = cloud_config(settings, group=has_group(root, settings.login))
        tree.write(root, "/etc/cloud/cloud.cfg.d/90-image.cfg", text)
        return
    tree.write(root, "/etc/systemd/system/image-grow-root.service", _GROW)
    tree.write(root, "/usr/lib/debstack-image/grow-root", _GROW_ROOT, 0o755)
    tree.write(root, "/etc/systemd/system/image-host-keys.service", _HOST_KEYS)
    units = ["image-grow-root.service", "image-host-keys.service"]
    chroot.run(["systemctl", "enable", "--quiet", *units])
