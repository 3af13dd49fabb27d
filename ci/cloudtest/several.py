# SPDX-License-Identifier: Apache-2.0
"""Clouds of several nodes: which there are to be, and how they join the first one."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cloudtest import groundwork, virtual
from cloudtest.acting import act, apt, debstack, inside, openstack_json, preseed
from cloudtest.stages import ALL_IN_ONE
from debstack.base.errors import DebstackError
from debstack.runtime.demo.command import RANGE
from debstack.spec.load import suggestion
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node

_ITEM = re.compile(r"(?P<roles>[a-z-]+(\+[a-z-]+)*)(\*(?P<count>[1-9][0-9]*))?")
_INSTALL_TIMEOUT_S = 1800.0
#: Nova's scheduler looks for new hosts every few seconds.
_ARRIVAL_TIMEOUT_S = 120.0
EXAMPLE = "controller,proxy,compute*2"
PROXY = "proxy"
_ALL = "all-in-one"
#: Regions and cells take more than to join: they have tests of their own.
_ROLES = ("controller", "compute", "storage", "object-storage", PROXY, _ALL, "telemetry", "clients")


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """A node that is to be: its name, and the roles that it takes, the first of which names it."""

    name: str
    roles: tuple[str, ...]

    @property
    def metapackages(self) -> tuple[str, ...]:
        """The packages that make a machine of these roles."""
        return tuple(f"openstack-{role}" for role in self.roles)


def _complete(nodes: Sequence[Planned]) -> None:
    """Raise DebstackError where `nodes` are no cloud whose servers are reached from outside."""
    for what, asked, role in (
        ("makes the cloud: the first one does", nodes[:1], "controller"),
        ("has the gateway to the outside", nodes, PROXY),
        ("runs virtual machines", nodes, "compute"),
    ):
        if not any({role, _ALL} & set(node.roles) for node in asked):
            raise DebstackError(
                f"NODES: no node {what}", hint=f"{role} or {_ALL}, as in NODES={EXAMPLE}"
            )


def planned(text: str) -> list[Planned]:
    """Return the nodes that `text`, such as EXAMPLE, asks for. Raises DebstackError."""
    found: list[Planned] = []
    for item in text.split(","):
        match = _ITEM.fullmatch(item.strip())
        if match is None:
            raise DebstackError(
                f'NODES: expected roles such as {EXAMPLE}, found "{item}"',
                hint="ROLE, or ROLE+ROLE for several on one machine, and *N for N such machines",
            )
        roles = tuple(match["roles"].split("+"))
        for role in roles:
            if role not in _ROLES:
                raise DebstackError(
                    f'NODES: no role is called "{role}"{suggestion(role, list(_ROLES))}',
                    hint=f"the roles are {', '.join(sorted(_ROLES))}",
                )
        count = int(match["count"] or 1)
        names = [roles[0]] if count == 1 else [f"{roles[0]}-{n}" for n in range(1, count + 1)]
        found += [Planned(name=name, roles=roles) for name in names]
    names = [node.name for node in found]
    if len(set(names)) < len(names):
        raise DebstackError(
            f"NODES: two nodes have the same name: {', '.join(names)}",
            hint="write N machines of a role as ROLE*N",
        )
    _complete(found)
    return found


#: The networks that a node is on: the one that all speak on, and one for tunnels.
NETWORKS = ("default", "overlay")
_MODULE = Path("/sys/module/openvswitch")
_UNDERLAY = """\
[Unit]
Description=The network of the tunnels through Open vSwitch, which switches in user space
After=ovs-vswitchd.service
PartOf=ovs-vswitchd.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -euxc "{script}"
"""
#: Tunnels of a switch in user space end at an address of one of its own bridges.
_SCRIPT = (
    "ovs-vsctl --timeout=60 --may-exist add-br br-under -- set Bridge br-under datapath_type=netdev"
    " -- --may-exist add-port br-under {device}; ip address flush dev {device};"
    " ip link set {device} up; ip address replace {address}/24 dev br-under;"
    " ip link set br-under up"
)
_UNIT = "/etc/systemd/system/underlay.service"
#: Where Open vSwitch ran before, it has a name that no other machine may have.
_OF_ONE_MACHINE = ("/etc/openvswitch/system-id.conf", "/etc/openvswitch/conf.db")


def make_machine(
    bed: Testbed, name: str, repository: Path, *, networks: Sequence[str] = ("default",)
) -> Node:
    """Return a switched-off node `name` that has what any of our roles needs of Debian's."""
    ground = groundwork.ensure_groundwork("debian", repository, ALL_IN_ONE)
    node = bed.create(name, from_stage=ground, repository=repository, networks=networks)
    node.enter_chroot(["rm", "-f", *_OF_ONE_MACHINE])
    return node


def lay_tunnels(node: Node) -> None:
    """Give the switched-off `node` its own address for tunnels, and a way that they can take.

    Where the kernel has Open vSwitch's module, tunnels need no way of their own.
    """
    interface = node.record.interfaces[1]
    answer = f"neutron-common neutron/overlay-address string {interface.address}\n"
    node.enter_chroot(["debconf-set-selections"], input=answer)
    if _MODULE.is_dir():
        return
    script = _SCRIPT.format(device=interface.device, address=interface.address)
    node.write_file(_UNIT, _UNDERLAY.format(script=script))
    wants = "/etc/systemd/system/ovs-vswitchd.service.wants"
    node.enter_chroot(["mkdir", "-p", wants])
    node.enter_chroot(["ln", "-s", _UNIT, f"{wants}/"])


def exported(controller: Node, role: str = "", *options: str) -> str:
    """Return the preseed file for `role`, or with what all machines of the cloud share."""
    chosen = ["--role", role] if role else []
    return controller.run(["debstack", "export", *chosen, *options], timeout_s=300).stdout


def choose_face(controller: Node, proxy: Node) -> None:
    """Let users come by `proxy`, before `controller` is installed: a line of its preseed file."""
    preseed(controller, {"openstack/public-host": proxy.address}, {})


def lead_outside(controller: Node, proxy: Node) -> None:
    """Make the way of the demo's networks to the outside, through `proxy`, as the demo says."""
    debstack(proxy, "demo")
    act(controller, "ip", "route", "replace", RANGE, "via", proxy.address)


def hand_over(controller: Node, node: Node, role: str = "", *, own: bool = False) -> None:
    """Give `node` the answers for `role`, or those that all machines of the cloud share.

    It gets RabbitMQ users of its own if `own` is set.
    """
    handed = exported(controller, role, *(["--node", node.name] if own else []))
    node.run(["debconf-set-selections"], input=handed)


def join(controller: Node, node: Node, roles: Sequence[str]) -> float:
    """Make `node` one of the cloud of `controller`, by one preseed file and apt-get alone.

    Return the seconds that it took.
    """
    began = time.monotonic()
    for role in roles:
        hand_over(controller, node, role)
    apt(node, "install", *(f"openstack-{role}" for role in roles), timeout_s=_INSTALL_TIMEOUT_S)
    return time.monotonic() - began


def hypervisors(controller: Node) -> dict[str, str]:
    """Return the name of each compute node that the cloud knows to its state: up or down."""
    found: dict[str, str] = inside(controller, "hypervisors")
    return found


def await_hypervisors(controller: Node, names: Sequence[str]) -> None:
    """Wait until all of these nodes are up, and mapped into their cell."""
    wait_until(
        lambda: all(hypervisors(controller).get(name) == "up" for name in names),
        timeout_s=_ARRIVAL_TIMEOUT_S,
        interval_s=1,
        what=f"{', '.join(names)} to be up",
    )
    in_cell = mapped(controller)
    if not set(names) <= set(in_cell):
        raise DebstackError(f"cell1: expected {sorted(names)} in it, found {json.dumps(in_cell)}")


def mapped(controller: Node) -> list[str]:
    """Return the hosts that Nova has in its cell, as often as it has them."""
    argv = ("mariadb", "-N", "-e", "SELECT host FROM nova_api.host_mappings ORDER BY host")
    return act(controller, *argv).stdout.split()


def database_hosts(controller: Node, user: str) -> list[str]:
    """Return where the database user may come from, as MariaDB of the controller has it."""
    asked = f"SELECT Host FROM mysql.user WHERE User = '{user}' ORDER BY Host"
    return act(controller, "mariadb", "-N", "-e", asked).stdout.split()


def machines(controller: Node) -> dict[str, dict[str, Any]]:
    """Return what `debstack nodes` knows of each machine, by name."""
    told = json.loads(controller.run(["debstack", "nodes", "--json"]).stdout)
    return {machine["name"]: machine for machine in told}


def prove_nodes(controller: Node, names: Sequence[str]) -> str:
    """Start a server on each of these compute nodes, and let the first one reach all others."""
    servers = {}
    for name in names:
        order = {"act": "create", "server": f"on-{name}", "floating": name == names[0]}
        servers[name] = {**order, "host": name}
    made = virtual.order(controller, *servers.values())
    first, *others = (made[order["server"]] for order in servers.values())
    virtual.prove_login(controller, first["outer"])
    for other in others:
        reach = f"ping -c 1 -W 2 {other['inner']}"
        wait_until(
            lambda reach=reach: (
                " 0% packet loss"  # type: ignore[misc]
                in virtual.ssh(controller, first["outer"], reach, check=False)
            ),
            timeout_s=120,
            interval_s=1,
            what=f"the server at {other['inner']} to answer one on another node",
        )
    hosts = {
        server["Name"]: server["Host"]
        for server in openstack_json(controller, "server", "list", "--long")
    }
    for name in names:
        if hosts[f"on-{name}"] != name:
            raise DebstackError(f"on-{name}: expected on {name}, found on {hosts[f'on-{name}']}")
    for name in names:
        virtual.order(controller, {"act": "delete", "server": f"on-{name}"})
    return f"servers on {' and '.join(names)} reach each other"
