# SPDX-License-Identifier: Apache-2.0
"""Measuring the same all-in-one made of Debian's own packages, from a bare Debian to ACTIVE.

What the packages leave to the administrator's hands, and without which no virtual machine
starts, is done here as by hand; it is counted apart.
"""

from __future__ import annotations

import json
import time

from benchmark import peer
from benchmark.failure import log_kept
from benchmark.figure import Figure
from benchmark.usage import ANSWERS, INSTALL, TO_ACTIVE, packages, required, usage
from cloudtest.acting import act, openstack
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node

_CLIENT = "python3-openstackclient"
_SERVER_TIMEOUT_S = 300.0
#: Where the kernel has no module openvswitch, the agent needs to be told; nothing asks for it.
_AGENT = "/etc/neutron/plugins/ml2/openvswitch_agent.ini"
_REPAIRS = (
    # MariaDB's default is fewer than the services' workers take together: some answer 500 for ever.
    'mariadb -e "SET GLOBAL max_connections = 1024"',
    # Not enabled, though installed: the cloud would be gone after the next boot.
    "systemctl enable --now placement-api",
    f"sed -i 's/^\\[ovs\\]$/[ovs]\\ndatapath_type = netdev/' {_AGENT}",
    "ovs-vsctl set Open_vSwitch . other_config:userspace-tso-enable=true",
    "systemctl restart openvswitch-switch",
    # The agent ends without the bridge that its configuration names, and nobody makes that.
    "ovs-vsctl --may-exist add-br br-ex -- set bridge br-ex datapath_type=netdev",
    "systemctl restart neutron-openvswitch-agent",
    "printf '[libvirt]\\nvirt_type = qemu\\ncpu_mode = none\\n' >>/etc/nova/nova-compute.conf",
    # SPICE is on whatever was answered, and QEMU's module for it is only recommended.
    "sed -i '/^\\[spice\\]$/,/^\\[/ s/^enabled = true$/enabled = false/' /etc/nova/nova.conf",
    # They had started before their schemas were there.
    "systemctl reset-failed && systemctl restart nova-conductor nova-scheduler nova-api",
    "systemctl restart glance-api neutron-api neutron-rpc-server placement-api",
    "systemctl restart nova-compute",
)
_DISCOVER = "nova-manage cell_v2 discover_hosts"
_CLOUDS = "/root/.config/openstack/clouds.yaml"


def _write_clouds(node: Node) -> None:
    auth = {
        "auth_url": "http://127.0.0.1:5000/v3",
        "username": "admin",
        "password": peer.PASSWORD,
        "project_name": "admin",
        "user_domain_name": "Default",
        "project_domain_name": "Default",
    }
    cloud = {"clouds": {"admin": {"auth": auth, "region_name": "regionOne"}}}
    node.write_file(_CLOUDS, json.dumps(cloud), mode=0o600)


def _repair(node: Node) -> None:
    for line in _REPAIRS:
        act(node, "sh", "-c", line, timeout_s=300)
    _write_clouds(node)


def _switches(node: Node) -> bool:
    """Say whether the agent that gives servers their ports is known: before, none gets one."""
    listed = openstack(node, "network", "agent", "list", "--agent-type", "open-vswitch")
    return "neutron-openvswitch-agent" in listed


def _start_server(node: Node) -> None:
    node.write_file("/root/disk", "\0" * 1048576)
    openstack(node, "image", "create", "--file", "/root/disk", "--disk-format", "raw", "demo")
    flavor = ("--ram", "128", "--disk", "1", "--vcpus", "1", "demo")
    openstack(node, "flavor", "create", *flavor)
    openstack(node, "network", "create", "demo")
    subnet = ("--network", "demo", "--subnet-range", "192.0.2.0/24", "demo")
    openstack(node, "subnet", "create", *subnet)
    act(node, "sh", "-c", _DISCOVER)
    wait_until(lambda: _switches(node), timeout_s=120, interval_s=1, what="the agent to report")
    create = ("--image", "demo", "--flavor", "demo", "--network", "demo", "--wait", "first")
    openstack(node, "server", "create", *create, timeout_s=_SERVER_TIMEOUT_S)


def measure_peer_all_in_one() -> list[Figure]:
    """Install Debian's own packages of the same services on a bare node, and start a server.

    Raises PeerError.
    """
    wanted = {name for part in peer.ALL_IN_ONE.values() for name in part.packages}
    with Testbed("bench-peer-aio") as bed, log_kept(bed.name, bed.nodes):
        node = bed.create("peer", packages=sorted({*wanted, *peer.SERVERS, _CLIENT})).boot()
        before = packages(node)
        least = required(node, *sorted(wanted), *peer.SERVERS, _CLIENT)
        began = time.monotonic()
        parts = {"servers": peer.timed(node, *peer.SERVERS, _CLIENT)}
        peer.make_broker_account(node)
        for name, part in peer.ALL_IN_ONE.items():
            parts[name] = peer.install(node, part)
        repairing = time.monotonic()
        _repair(node)
        parts["repairs by hand"] = time.monotonic() - repairing
        _start_server(node)
        active = time.monotonic()
        used = usage(node, before)
    return [
        Figure(name=TO_ACTIVE, value=active - began, unit="s"),
        Figure(name=INSTALL, value=repairing - began, unit="s"),
        Figure(name=ANSWERS, value=peer.answered(peer.ALL_IN_ONE), unit=""),
        *least,
        *used,
        *(Figure(name=f"peer: {name}", value=value, unit="s") for name, value in parts.items()),
    ]
