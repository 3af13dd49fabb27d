# SPDX-License-Identifier: Apache-2.0
"""Options of Debian's earlier program of this name that are no more, and what to write instead.

Whoever has a script for that one is told by the error what the manual's table says. To be removed
once trixie, which has that program, is no longer supported.
"""

from __future__ import annotations

_ROLE = "--include with the packages of that role, and --hook-script"
_MACHINE = "nothing: this program makes images, and installs no machine"
_ALWAYS = "nothing: that is always written"
#: Without dashes: those with one dash in front have two letters or three.
SHORT = {
    "ar": "nothing: --image-size auto is the default",
    "ars": "--head-room SIZE",
    "az": _ROLE,
    "bm": "--boot-manager NAME",
    "bt": "--boot-type NAME",
    "hs": "--hook-script FILE",
    "is": "--image-size SIZE",
    "p": "--root-password-file FILE",
}
LONG = {
    "automatic-resize": SHORT["ar"],
    "azure": _ROLE,
    "backports-repository": "--repository FILE",
    "bullseye-compat-fs": "nothing: the release's own mke2fs makes its file system",
    "copy-debootstrap-keyring-file": "--overlay DIR",
    "default-editor": "--hook-script FILE",
    "dest-hdd": _MACHINE,
    "disable-check-valid-until": "--no-check-valid-until",
    "disable-check-valid-until-backports": "--no-check-valid-until",
    "disable-check-valid-until-security": "--no-check-valid-until",
    "editor": "--extra-packages NAME",
    "extrepo": "--repository FILE",
    "generate-package-list": _ALWAYS,
    "generate-source-tarball": "nothing: the manifest has source and version of each package",
    "generate-sums": _ALWAYS,
    "generate-sums-sign": "--sign KEY",
    "grab-release-number": "nothing: os_version in NAME.properties is the number",
    "install-nonfree-repo": "--components main,contrib,non-free,non-free-firmware",
    "manila-agent": _ROLE,
    "newer-qemu": "--repository FILE and --include NAME",
    "no-cloud-kernel": "--kernel generic",
    "no-qcow2": "--format raw",
    "no-remove-host-keys": "nothing: keys in an image are everybody's",
    "octavia-agent": _ROLE,
    "password": "--root-password-file FILE",
    "postinstall-packages": "--extra-packages NAME",
    "pre-reboot-hook": "--hook-script FILE",
    "raid-devices": _MACHINE,
    "reboot-after-install": _MACHINE,
    "setup-backports": "--backports",
    "sources.list-mirror": "--image-mirror URI",
    "static-iface": "--network FILE",
    "trove-agent": _ROLE,
    "vgcreate": _MACHINE,
    "xfsformat": _MACHINE,
}


def instead(known: dict[str, str], word: str) -> str | None:
    """Return the hint for a former option among `known`, None where it never was one."""
    found = known.get(word)
    return f"an option of the earlier program; write {found}" if found else None
