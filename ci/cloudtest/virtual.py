# SPDX-License-Identifier: Apache-2.0
"""Virtual machines of a cloud, made from what `debstack demo` has made: started, entered, asked."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cloudtest.acting import act, inside, openstack, openstack_json
from cloudtest.observing import unsettled
from debstack.base.errors import DebstackError
from testbed.machine import wait_until
from testbed.node import Node
from testbed.places import TestbedError

_TIMEOUT_S = 300.0
_CONSOLES = "tail --lines=12 /var/lib/nova/instances/*/console.log 2>&1"
_USER_DATA = "#!/bin/sh\necho said-by-the-cloud >/run/proof\n"


def make_server(node: Node, name: str) -> str:
    """Start the virtual machine `name` with a floating IP; return that address."""
    node.write_file("/root/user-data", _USER_DATA)
    create = ["server", "create", "--image", "demo", "--flavor", "demo", "--network", "demo"]
    create += ["--key-name", "demo", "--user-data", "/root/user-data", "--wait", name]
    server = openstack_json(node, *create, timeout_s=_TIMEOUT_S)
    act(node, "rm", "/root/user-data")
    if server["status"] != "ACTIVE":
        raise DebstackError(
            f"server: expected ACTIVE, found {server['status']}: {server.get('fault')}",
            hint="in the node, run: journalctl -u nova-compute",
        )
    (port,) = openstack_json(node, "port", "list", "--server", server["id"])
    create = ["floating", "ip", "create", "--port", port["ID"], "external"]
    address: str = openstack_json(node, *create)["floating_ip_address"]
    return address


def remove_server(node: Node, name: str) -> None:
    """Delete the virtual machine `name` and its floating IPs, and wait until it is gone."""
    (port,) = openstack_json(node, "port", "list", "--server", name)
    for address in openstack_json(node, "floating", "ip", "list", "--port", port["ID"]):
        openstack(node, "floating", "ip", "delete", address["ID"])
    openstack(node, "server", "delete", "--wait", name)


def order(node: Node, *orders: dict[str, Any]) -> Any:
    """Do things to servers, all at once: inside/servers.py says which and what it returns."""
    return inside(node, "servers", json.dumps(orders), timeout_s=2 * _TIMEOUT_S)


def order_volumes(node: Node, *orders: Mapping[str, str], each_s: int = 300) -> Mapping[str, str]:
    """Do things to volumes: inside/volumes.py says which; return their identifiers by name.

    Each may take `each_s` seconds.
    """
    arguments = (json.dumps(orders), str(each_s))
    found: dict[str, str] = inside(node, "volumes", *arguments, timeout_s=900)
    return found


def mounted(node: Node, address: str, volume: str, command: str, *, empty: bool = False) -> str:
    """Run a shell line in /media of the server at `address`, with the volume mounted there.

    The disk is known by its serial number: the beginning of the volume's identifier. One that is
    still `empty` gets a file system first.
    """
    serial = f"grep -l {volume[:20]} /sys/block/vd*/serial"
    wait_until(
        lambda: ssh(node, address, serial, check=False) != "",
        timeout_s=60,
        interval_s=1,
        what=f"the disk {volume} at {address}",
    )
    disk = f"/dev/$({serial} | cut -d/ -f4)"
    if empty:
        ssh(node, address, f"mke2fs -q {disk}")
    line = (
        f"mkdir -p /media && mount {disk} /media && cd /media && {command}; cd / && umount /media"
    )
    return ssh(node, address, line)


def await_cloud(node: Node) -> None:
    """Wait until the booted `node` has everything in order, and all of the cloud reports."""
    wait_until(lambda: not unsettled(node), timeout_s=_TIMEOUT_S, interval_s=3, what="all")
    wait_until(
        lambda: not inside(node, "not_up"),
        timeout_s=_TIMEOUT_S,
        interval_s=1,
        what="all agents and services",
    )


def ssh(node: Node, address: str, command: str, *, check: bool = True) -> str:
    """Run a shell line in the virtual machine at `address`, from `node`, with root's key."""
    options = ("BatchMode=yes", "ConnectTimeout=5", "StrictHostKeyChecking=no", "LogLevel=ERROR")
    argv = ["ssh", *(f"-o{option}" for option in options), "-oUserKnownHostsFile=/dev/null"]
    return node.run([*argv, f"root@{address}", command], timeout_s=60, check=check).stdout


def prove_login(node: Node, address: str) -> str:
    """Log in to the virtual machine; return what it says about itself."""
    try:
        wait_until(
            lambda: "said-by-the-cloud" in ssh(node, address, "cat /run/proof", check=False),
            timeout_s=_TIMEOUT_S,
            interval_s=1.0,
            what=f"SSH of the virtual machine at {address}, and its user data",
        )
    except TestbedError as error:
        # The node is gone when somebody reads this.
        consoles = node.run(["sh", "-c", _CONSOLES], check=False).stdout
        raise TestbedError(f"{error.message}; {os.getloadavg()[0]:.0f} run\n{consoles}") from error
    told = ssh(node, address, "hostname; cut -d' ' -f1 /proc/uptime; ip -o address show eth0")
    name, uptime, *addresses = told.splitlines()
    inner = [line.split()[3] for line in addresses if "fe80" not in line]
    return f"{name} at {address} ({', '.join(inner)}), up for {uptime} s, user data ran"


def prove_metadata(node: Node, address: str) -> str:
    """Ask the metadata service from inside; return what it calls the machine."""
    url = "http://169.254.169.254/openstack/latest/meta_data.json"
    told = json.loads(ssh(node, address, f"wget -q -O - {url}"))
    return f"{told['name']}, {told['uuid']}"


def prove_console(node: Node, name: str) -> str:
    """Read the console; return its last line that the guest's own programs wrote."""
    lines = openstack(node, "console", "log", "show", name).splitlines()
    ours = [line.strip() for line in lines if line.startswith("guest: ")]
    if not ours:
        raise DebstackError(
            f"console: the guest wrote nothing; its last lines: {lines[-3:]}",
            hint=f"in the node, run: openstack --os-cloud admin console log show {name}",
        )
    return ours[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """What of a stream of pings was not answered."""

    sent: int
    lost: int
    #: The longest time without an answer.
    gap_s: float

    def __str__(self) -> str:
        return f"{self.lost} of {self.sent} pings lost, at most {self.gap_s:.1f} s without one"


def ping_loss(text: str) -> Loss:
    """Return what `text`, the output of ping -D, says."""
    times = [float(time) for time in re.findall(r"^\[([\d.]+)\] \d+ bytes from", text, re.M)]
    sent, received = re.findall(r"^(\d+) packets transmitted, (\d+) received", text, re.M)[0]
    gap = max(later - sooner for sooner, later in pairwise(times))
    return Loss(sent=int(sent), lost=int(sent) - int(received), gap_s=gap)
