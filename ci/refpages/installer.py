# SPDX-License-Identifier: Apache-2.0
"""What the Debian Installer is told, by role: its part of a preseed file for bare metal.

The names of its questions are those of the installation guide of Debian 13, appendix B.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.repo import COMPONENT, KEYRING, suite_name
from pipeline.series import current_series
from refpages.roles import Role

_REPOSITORY = "http://repository.example.org/debstack"
#: A package that makes volumes of the room which a volume group has left.
_VOLUMES = "cinder-volume"

_LOCALE = """\
# ==== Language, keyboard, clock

d-i debian-installer/locale string en_US.UTF-8
d-i keyboard-configuration/xkb-keymap select us
d-i clock-setup/utc boolean true
d-i time/zone string Etc/UTC
"""

_NETWORK = """\
# ==== Network: by DHCP on the first interface with a link

d-i netcfg/choose_interface select auto
# What DHCP says of the name and the domain wins over these.
d-i netcfg/get_hostname string {name}
d-i netcfg/get_domain string example.org
# For a fixed address instead:
#d-i netcfg/disable_autoconfig boolean true
#d-i netcfg/get_ipaddress string 192.0.2.10
#d-i netcfg/get_netmask string 255.255.255.0
#d-i netcfg/get_gateway string 192.0.2.1
#d-i netcfg/get_nameservers string 192.0.2.1
#d-i netcfg/confirm_static boolean true
"""

_MIRROR = """\
# ==== Mirror of Debian

# EDIT: the host of your mirror, and the directory on it.
d-i mirror/country string manual
d-i mirror/http/hostname string mirror.example.org
d-i mirror/http/directory string /debian
d-i mirror/http/proxy string
d-i apt-setup/services-select multiselect security, updates
# EDIT: the host that has Debian's security updates.
d-i apt-setup/security_host string mirror.example.org
"""

_DEBSTACK = """\
# ==== Repository of these packages, and the key that it is signed with

# EDIT: where your copy of the repository is.
d-i apt-setup/local0/repository string {repository} {suite} {component}
d-i apt-setup/local0/comment string OpenStack
# EDIT: fetched without a check; where that is not good enough: base64://, and the key behind it.
d-i apt-setup/local0/key string {repository}/{keyring}
"""

_ACCOUNTS = """\
# ==== Accounts: root alone, who logs in with an SSH key (see the end of this part)

d-i passwd/make-user boolean false
d-i passwd/root-login boolean true
d-i passwd/root-password-crypted password !
"""

_DISK = """\
# ==== Disk: ALL of it is used, and what is on it is lost

# With several disks, say which. A machine with one needs no answer.
#d-i partman-auto/disk string /dev/sda
d-i partman-auto/method string lvm
d-i partman-auto/choose_recipe select atomic
{size}
d-i partman-lvm/device_remove_lvm boolean true
d-i partman-md/device_remove_md boolean true
d-i partman-lvm/confirm boolean true
d-i partman-lvm/confirm_nooverwrite boolean true
d-i partman-partitioning/confirm_write_new_label boolean true
d-i partman/choose_partition select finish
d-i partman/confirm boolean true
d-i partman/confirm_nooverwrite boolean true
"""
_ROOM = """\
# What is left in the volume group is for volumes: Cinder finds it by itself.
d-i partman-auto-lvm/guided_size string 60%"""
_ALL = "d-i partman-auto-lvm/guided_size string max"

_PACKAGES = """\
# ==== Packages: a plain Debian, and the role

tasksel tasksel/first multiselect standard, ssh-server
d-i pkgsel/include string {metapackage}
popularity-contest popularity-contest/participate boolean false
"""

_END = """\
# ==== Boot loader, SSH key, end

d-i grub-installer/only_debian boolean true
d-i grub-installer/with_other_os boolean false
d-i grub-installer/bootdev string default
# EDIT: your public key, in the place of the one here.
d-i preseed/late_command string \\
 mkdir -p -m 700 /target/root/.ssh; \\
 echo 'ssh-ed25519 YOUR-PUBLIC-KEY admin@example.org' >/target/root/.ssh/authorized_keys
d-i finish-install/reboot_in_progress note
"""

_ANSWERS = """\
# ==== Answers to the questions of OpenStack's packages
#
# Their owner is never d-i: the installer keeps its own answers, and hands on all others.
"""


def installer_lines(role: Role) -> Iterator[str]:
    """Give the lines for the installer that makes a machine of this `role`."""
    series = current_series()
    values = {
        "name": role.name,
        "metapackage": role.metapackage,
        "repository": _REPOSITORY,
        "suite": suite_name(series),
        "component": COMPONENT,
        "keyring": KEYRING,
        "size": _ROOM if _VOLUMES in role.packages else _ALL,
    }
    parts = (_LOCALE, _NETWORK, _MIRROR, _DEBSTACK, _ACCOUNTS, _DISK, _PACKAGES, _END, _ANSWERS)
    for part in parts:
        yield from part.format(**values).splitlines()
        yield ""
