# SPDX-License-Identifier: Apache-2.0
"""A Ceph of one node, of Debian's packages: one monitor, one manager, one device in a file.

What cephadm and ceph-volume would do is done by hand here: they want containers, or devices that a
node of the testbed has not.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from cloudtest.acting import act, apt
from debstack.base.secret import Secret
from testbed.machine import wait_until
from testbed.node import Node

#: What a node with Ceph's own daemons needs.
PACKAGES = ("ceph-mon", "ceph-mgr", "ceph-osd")
#: What a machine of the cloud needs besides ours.
CLIENT_PACKAGES = ("ceph-common", "python3-rados", "python3-rbd", "qemu-block-extra")
POOLS = ("backups", "images", "vms", "volumes")
USER = "openstack"
_TIMEOUT_S = 180.0
_SIZE = "40G"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceph:
    """A Ceph that runs."""

    node: Node
    key: Secret

    def tell(self, *arguments: str) -> Any:
        """Return what a command of ceph prints in JSON."""
        return _json(self.node, "ceph", *arguments, "--format", "json")

    def listed(self, pool: str) -> list[str]:
        """Return the names of the block devices in `pool`."""
        found: list[str] = _json(self.node, "rbd", "ls", "--pool", pool, "--format", "json")
        return sorted(found)


def _json(node: Node, *argv: str) -> Any:
    return json.loads(node.run([*argv]).stdout)


_CONF = """\
[global]
fsid = {fsid}
mon_host = [v2:{address}:3300,v1:{address}:6789]
mon_initial_members = {name}
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 8
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
mon_data_avail_crit = 1
mon_data_avail_warn = 2
mon_osd_full_ratio = 0.97
osd_memory_target = 939524096
bluestore_block_size = {size}
"""

_MONITOR = r"""
name=$1 address=$2 fsid=$3
cd "$(mktemp -d)"
ceph-authtool --create-keyring mon --gen-key -n mon. --cap mon 'allow *'
ceph-authtool --create-keyring /etc/ceph/ceph.client.admin.keyring --gen-key -n client.admin \
    --cap mon 'allow *' --cap osd 'allow *' --cap mgr 'allow *'
ceph-authtool mon --import-keyring /etc/ceph/ceph.client.admin.keyring
monmaptool --create --addv "$name" "[v2:$address:3300,v1:$address:6789]" --fsid "$fsid" map
chown -R ceph: .
runuser -u ceph -- mkdir -p "/var/lib/ceph/mon/ceph-$name"
runuser -u ceph -- ceph-mon --mkfs -i "$name" --monmap map --keyring mon
systemctl start "ceph-mon@$name"
timeout 60 ceph mon enable-msgr2
"""

_MANAGER = r"""
folder=/var/lib/ceph/mgr/ceph-$1
mkdir -p "$folder"
ceph auth get-or-create "mgr.$1" mon 'allow profile mgr' osd 'allow *' mds 'allow *' \
    >"$folder/keyring"
chown -R ceph: "$folder"
systemctl start "ceph-mgr@$1"
"""

_DEVICE = r"""
fsid=$(cat /proc/sys/kernel/random/uuid)
key=$(ceph-authtool --gen-print-key)
number=$(echo "{\"cephx_secret\": \"$key\"}" | ceph osd new "$fsid" -i -)
folder=/var/lib/ceph/osd/ceph-$number
mkdir -p "$folder"
ceph-authtool --create-keyring "$folder/keyring" --name "osd.$number" --add-key "$key"
chown -R ceph: "$folder"
ceph-osd -i "$number" --mkfs --osd-uuid "$fsid" --setuser ceph --setgroup ceph
systemctl start "ceph-osd@$number"
"""

_POOLS = r"""
user=$1
shift
for pool; do
    ceph osd pool create "$pool" 8
    rbd pool init "$pool"
    caps="${caps:+$caps, }profile rbd pool=$pool"
done
ceph auth get-or-create "client.$user" mon 'profile rbd' mgr 'profile rbd' osd "$caps" >/dev/null
"""


def _script(node: Node, text: str, *arguments: str) -> None:
    act(node, "sh", "-eu", "-c", text, "sh", *arguments, timeout_s=_TIMEOUT_S)


def make_ceph(node: Node) -> Ceph:
    """Make a Ceph of the booted `node`, with POOLS and the user USER, and wait until it serves."""
    apt(node, "install", "--no-install-recommends", *PACKAGES)
    fsid = node.read_file("/proc/sys/kernel/random/uuid").strip()
    conf = _CONF.format(fsid=fsid, address=node.address, name=node.name, size=_SIZE)
    node.write_file("/etc/ceph/ceph.conf", conf)
    _script(node, _MONITOR, node.name, node.address, fsid)
    _script(node, _MANAGER, node.name)
    _script(node, _DEVICE)
    made = Ceph(node=node, key=Secret(""))
    wait_until(
        lambda: made.tell("osd", "stat")["num_up_osds"] == 1,
        timeout_s=_TIMEOUT_S,
        interval_s=1,
        what="Ceph's device",
    )
    _script(node, _POOLS, USER, *POOLS)
    key = node.run(["ceph", "auth", "print-key", f"client.{USER}"]).stdout.strip()
    return Ceph(node=node, key=Secret(key))
