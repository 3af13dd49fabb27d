# SPDX-License-Identifier: Apache-2.0
"""What this machine can do, found out by trying: the facts behind ${hypervisor} and its like.

Each is found out when something first asks for it, and once in a run.
"""

from __future__ import annotations

import functools
import os
import socket
from collections.abc import Callable, Mapping
from pathlib import Path

from debstack.base.errors import CommandError
from debstack.base.run import run
from debstack.runtime import kvm, whereabouts

OPENVSWITCH_MODULE = Path("/sys/module/openvswitch")


@functools.cache
def hypervisor() -> str:
    """Return kvm where a guest runs with it, else qemu."""
    return "kvm" if kvm.works() else "qemu"


@functools.cache
def openvswitch_datapath() -> str:
    """Return system where the kernel has the module openvswitch, else netdev (in user space)."""
    if OPENVSWITCH_MODULE.is_dir():
        return "system"
    try:
        found = run(["modprobe", "--dry-run", "--quiet", "openvswitch"], check=False).code == 0
    except CommandError:  # there is no modprobe
        return "netdev"
    return "system" if found else "netdev"


@functools.cache
def volume_group() -> str:
    """Return the LVM volume group with the most free space, empty where there is none."""
    argv = ["vgs", "--noheadings", "--nosuffix", "--units=b", "--options=vg_free,vg_name"]
    try:
        told = run(argv, check=False).stdout
    except CommandError:  # LVM is not installed
        return ""
    found = [(int(words[0]), words[1]) for words in map(str.split, told.splitlines()) if words]
    return max(found)[1] if found and max(found)[0] else ""


def authority() -> str:
    """Return the certificate of this machine's own authority, as answers have it, if it has one."""
    from debstack.runtime.tls import places, reading

    try:
        return reading.in_one_line(Path(places.AUTHORITY).read_text(encoding="ascii"))
    except (OSError, ValueError):
        return ""


#: Reference in openstack.toml to what finds it out.
TRAITS: Mapping[str, Callable[[], str]] = {
    "authority": authority,
    "cpus": lambda: str(len(os.sched_getaffinity(0))),
    "host-names": whereabouts.host_names,
    "hostname": socket.gethostname,
    "hypervisor": hypervisor,
    "openvswitch-datapath": openvswitch_datapath,
    "time-zone": whereabouts.time_zone,
    "volume-group": volume_group,
}
