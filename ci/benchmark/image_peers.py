# SPDX-License-Identifier: Apache-2.0
"""Other builders of cloud images, run on trixie as their manuals say, from the same mirror."""

from __future__ import annotations

import shlex
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from benchmark.failure import log_path
from benchmark.nearby import Nearby
from debstack.base.run import run
from pipeline.root import ensure_base, ensure_layer, overlay

_SUITE = "trixie"
_OUTPUT = "/peer"
_MB = 1e6
#: A root to build in has no devices of its own and no /sys, without which parted does not tell the
#: kernel of partitions: what device-mapper would do for kpartx is done with further loop devices,
#: what udev would have done when it has settled with mknod, and links for GRUB to name disks by.
_PREPARE = r"""
set -eu
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs /sys
mknod /dev/loop-control c 10 237
for n in $(seq 0 31); do mknod "/dev/loop$n" b 7 "$n"; done
mkdir -p /dev/mapper /peer/tmp
chmod 1777 /peer/tmp
mount --bind /peer/tmp /tmp
cat >/usr/local/sbin/kpartx <<'SHIM'
#!/bin/sh
set -eu
case $1 in
-asv)
	disk=$(losetup --find --show "$2")
	partx --show --noheadings --output NR,START,SECTORS "$2" |
	while read -r number start size; do
		part=$(losetup --find --show --offset $((start * 512)) --sizelimit $((size * 512)) "$2")
		ln -s "$part" "/dev/mapper/${disk#/dev/}p$number"
		echo "add map ${disk#/dev/}p$number (253:$number): 0 $size linear 7:0 $start"
	done
	;;
-d) losetup --noheadings --output NAME --associated "$2" | xargs -r -n 1 losetup --detach ;;
esac
SHIM
cat >/usr/local/sbin/udevadm <<'SHIM'
#!/bin/sh
set -eu
mkdir -p /dev/disk/by-uuid
while read -r major minor _ name; do
	case $name in loop*p*) ;; *) continue ;; esac
	rm -f "/dev/$name"
	mknod "/dev/$name" b "$major" "$minor"
	uuid=$(blkid -c /dev/null -s UUID -o value "/dev/$name") || continue
	ln -snf "../../$name" "/dev/disk/by-uuid/$uuid"
done </proc/partitions
SHIM
chmod 0755 /usr/local/sbin/kpartx /usr/local/sbin/udevadm
export PATH=/usr/local/sbin:$PATH
cd /peer
"""
#: Whatever a builder has left: loop devices outlive the root.
_AFTER = "losetup --noheadings --output NAME,BACK-FILE | awk '/[/]peer[/]/ {print $1}'"


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A builder: the Debian packages that it needs, its shell line, the image it makes."""

    name: str
    needs: tuple[str, ...]
    line: str
    image: str
    #: What it is told in files, by their names in the folder that it runs in.
    files: Mapping[str, str] = field(default_factory=dict)
    #: Packages that it installs in the image besides those that it is told.
    also: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a peer took: seconds, and bytes of its image with the compression that ours has."""

    name: str
    seconds: float
    size: int
    image: Path


#: A class of FAI's.
_CLASS = "CLOUD"
_FAI_DISK = """\
disk_config disk1 disklabel:msdos bootable:1 fstabkey:uuid
primary / 2G- ext4 rw,errors=remount-ro
"""
_FAI_BOOT = """\
#!/bin/sh
set -eu
cat >"$target/etc/default/grub" <<'END'
GRUB_DEFAULT=0
GRUB_TIMEOUT=0
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"
END
$ROOTCMD grub-install --target=i386-pc "$BOOT_DEVICE"
$ROOTCMD update-grub
"""


def _fai_space(mirror: Nearby, packages: Sequence[str]) -> dict[str, str]:
    """Return the configuration space of FAI for one class."""
    return {
        f"space/class/{_CLASS}.var": f'FAI_DEBOOTSTRAP="{_SUITE} {mirror.archive}"\n',
        f"space/files/etc/apt/sources.list/{_CLASS}": "\n".join([*mirror.sources(_SUITE), ""]),
        # A space without answers for debconf is an error to FAI.
        f"space/debconf/{_CLASS}": "locales locales/default_environment_locale select C.UTF-8\n",
        f"space/disk_config/{_CLASS}": _FAI_DISK,
        f"space/package_config/{_CLASS}": f"PACKAGES install-norec\n{' '.join(packages)}\n",
        f"space/scripts/{_CLASS}/10-boot": _FAI_BOOT,
    }


def peers(mirror: Nearby, packages: Sequence[str]) -> list[Peer]:
    """Return the peers, told to install `packages` from `mirror` where they can be told."""
    sources = shlex.join(mirror.sources(_SUITE))
    # It brings a boot loader of its own; one of ours would look for a disk.
    named = ",".join(name for name in packages if not name.startswith("grub"))
    return [
        Peer(
            name="debefivm-create",
            # Units are enabled by the systemctl of the machine that it runs on.
            needs=("debvm", "dosfstools", "fdisk", "mtools", "qemu-utils", "systemd"),
            line=f"debefivm-create -o peer.raw -r {_SUITE} -z 3G -- --include={named} {sources}",
            image="peer.raw",
            also=("systemd-boot",),
        ),
        Peer(
            name="fai-diskimage",
            needs=("debootstrap", "fai-server", "fai-setup-storage", "qemu-utils", "zerofree"),
            line=f"fai-diskimage --verbose --cspace /peer/space --class {_CLASS} --size 3G "
            "--hostname debian peer.qcow2",
            image="peer.qcow2",
            files=_fai_space(mirror, packages),
        ),
        Peer(
            name="openstack-debian-images",
            needs=("openstack-debian-images", "extlinux", "fdisk", "mbr", "qemu-utils"),
            # GRUB there asks the kernel for the partition's device, which is none of its own here.
            line=f"build-openstack-debian-image --release {_SUITE} "
            f"--debootstrap-url {mirror.archive} --sources.list-mirror {mirror.archive} "
            f"--security-mirror {mirror.security} --boot-manager syslinux",
            image="*.qcow2",
            also=("bzip2", "extlinux", "joe", "mbr", "most", "nano", "screen", "vim"),
        ),
    ]


def _compressed(image: Path) -> int:
    """Return the size of an image as a qcow2 of the kind that ours is."""
    target = image.with_name("compressed.qcow2")
    options = "compat=1.1,compression_type=zstd,cluster_size=256k"
    run(["qemu-img", "convert", "-c", "-O", "qcow2", "-o", options, image, target])
    size = target.stat().st_size
    target.unlink()
    return size


def measure(peer: Peer, place: Path) -> Measured:
    """Let `peer` build an image below `place`, and return what it took. Raises DebstackError."""
    base = ensure_base(_SUITE)
    log = log_path(peer.name)
    layer = ensure_layer(base, peer.needs, log)
    work = place / peer.name
    work.mkdir()
    for name, text in peer.files.items():
        file = work / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755 if text.startswith("#!") else 0o644)
    with overlay([layer, base.path], {work: _OUTPUT}) as root:
        began = time.monotonic()
        try:
            root.run(["sh", "-c", f"{_PREPARE}{peer.line}"], network=True, log_path=log)
            seconds = time.monotonic() - began
        finally:
            for device in run(["sh", "-c", _AFTER]).stdout.split():
                run(["losetup", "--detach", device], check=False)
    image = next(work.glob(peer.image))
    shutil.rmtree(work / "tmp", ignore_errors=True)
    return Measured(name=peer.name, seconds=seconds, size=_compressed(image), image=image)
