# SPDX-License-Identifier: Apache-2.0
"""Private networks: a bridge in a network namespace of its own, a cable from it to each node.

Nothing of it is in the host's own network namespace, so no address can collide and nothing leads
outside. The bridge answers for the rest of the world with "unreachable": what tries to go there
fails at once, and the default route is there for whoever looks up the machine's primary address.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from ipaddress import IPv6Address
from pathlib import Path
from typing import Any

from debstack.base.run import run
from testbed.places import TestbedError

_NAMESPACES = Path("/run/netns")
_PREFIX = "debstack-testbed"
_FIRST_HOST = 10
_LAST_HOST = 250
#: Cloud images and ds-identify look for a metadata service here; there is none.
_METADATA = "169.254.0.0/16"


def namespace_name(bed: str, kind: str, name: str) -> str:
    """Return the name of the network namespace of a network (`net`) or a node (`node`)."""
    return f"{_PREFIX}.{bed}.{kind}.{name}"


def namespace_path(namespace: str) -> Path:
    """Return the file by which `namespace` can be entered."""
    return _NAMESPACES / namespace


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """A private network of a testbed; `index` makes its addresses its own."""

    bed: str
    name: str
    index: int

    @property
    def namespace(self) -> str:
        """The namespace that the bridge is in."""
        return namespace_name(self.bed, "net", self.name)

    def address(self, host: int) -> str:
        """Return the IPv4 address of host number `host`."""
        return f"10.77.{self.index}.{host}"

    def address6(self, host: int) -> str:
        """Return the IPv6 address (unique local) of host number `host`."""
        return str(IPv6Address(f"fd77:{self.index:x}::{host:x}"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interface:
    """A node's end of a cable: the device in the node and its static addresses."""

    network: str
    device: str
    host: int
    address: str
    address6: str

    @classmethod
    def load(cls, content: dict[str, Any]) -> Interface:
        """Return the interface that `dump` wrote."""
        return cls(**content)

    def dump(self) -> dict[str, Any]:
        """Return what `load` reads."""
        return asdict(self)


def free_host(taken: Sequence[int], network: str) -> int:
    """Return the lowest host number not in `taken`; raises TestbedError on a full network."""
    for host in range(_FIRST_HOST, _LAST_HOST + 1):
        if host not in taken:
            return host
    raise TestbedError(
        f"network {network}: all {_LAST_HOST - _FIRST_HOST + 1} addresses are taken",
        hint="destroy nodes that are not needed, or use another network",
    )


def bridge_lines(network: Network) -> list[str]:
    """Return the `ip -batch` lines that set up the namespace of `network`."""
    return [
        "link set lo up",
        "link add br0 type bridge",
        f"addr add {network.address(1)}/24 dev br0",
        f"addr add {network.address6(1)}/64 dev br0 nodad",
        "link set br0 up",
        "route add unreachable default",
        "-6 route add unreachable default metric 2048",
    ]


def node_lines(interface: Interface, network: Network, *, default: bool) -> list[str]:
    """Return the `ip -batch` lines that set up `interface` in the namespace of its node."""
    device = interface.device
    lines = [
        f"addr add {interface.address}/24 dev {device}",
        f"addr add {interface.address6}/64 dev {device} nodad",
        f"link set {device} up",
    ]
    if default:
        lines += [
            f"route add default via {network.address(1)} dev {device}",
            f"-6 route add default via {network.address6(1)} dev {device}",
        ]
    return lines


def _batch(namespace: str, lines: Sequence[str]) -> None:
    # `-6` is an option of ip, not of a batch line. A line's family is told by its addresses, except
    # for routes: those of IPv6 go in a batch of their own, afterwards.
    first = [line for line in lines if not line.startswith("-6 ")]
    second = [line.removeprefix("-6 ") for line in lines if line.startswith("-6 ")]
    for options, chosen in (([], first), (["-6"], second)):
        if chosen:
            command = ["ip", *options, "-n", namespace, "-batch", "-"]
            run(command, input="\n".join(chosen) + "\n")


def ensure_network(network: Network) -> None:
    """Make the namespace and the bridge of `network` unless they are there."""
    if namespace_path(network.namespace).exists():
        return
    run(["ip", "netns", "add", network.namespace])
    _batch(network.namespace, bridge_lines(network))
    forward = (
        "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding"
    )
    run(["ip", "netns", "exec", network.namespace, "sh", "-c", forward])


def ensure_node_namespace(bed: str, node: str) -> str:
    """Make the network namespace of `node`, with a loopback alone, and return its name."""
    namespace = namespace_name(bed, "node", node)
    if not namespace_path(namespace).exists():
        run(["ip", "netns", "add", namespace])
        _batch(namespace, ["link set lo up", f"route add blackhole {_METADATA}"])
    return namespace


def plug(interface: Interface, network: Network, node: str, *, default: bool) -> None:
    """Lay a cable between `network` and `node`, whose namespace exists, and set up its end."""
    namespace = namespace_name(network.bed, "node", node)
    port = _port(interface.host)
    _batch(
        network.namespace,
        [
            f"link add {port} type veth peer name {interface.device} netns {namespace}",
            f"link set {port} master br0 up",
        ],
    )
    _batch(namespace, node_lines(interface, network, default=default))


def set_cable(bed: str, interface: Interface, *, connected: bool) -> None:
    """Cut the cable of `interface`, or mend it; the addresses and routes of the node stay."""
    namespace = namespace_name(bed, "net", interface.network)
    run(
        ["ip", "-n", namespace, "link", "set", _port(interface.host), "up" if connected else "down"]
    )


def foreign_addresses(interface: Interface, shown: Sequence[dict[str, Any]]) -> list[str]:
    """Return what a node has given its end of a cable besides: addresses with their lengths.

    `shown` is what `ip -json address show` prints of it.
    """
    own = {interface.address, interface.address6}
    return [
        f"{one['local']}/{one['prefixlen']}"
        for link in shown
        for one in link.get("addr_info", ())
        if one["scope"] == "global" and one["local"] not in own
    ]


def cut_power(bed: str, node: str, interface: Interface) -> None:
    """Have `interface` say no more, and forget what its node, which is off, has set up on it.

    Else the kernel would go on to answer for the addresses that a dead node had taken.
    """
    namespace = namespace_name(bed, "node", node)
    if not namespace_path(namespace).exists():
        return
    set_cable(bed, interface, connected=False)
    within = ["ip", "-n", namespace]
    shown = run([*within, "-json", "address", "show", "dev", interface.device]).stdout
    for address in foreign_addresses(interface, json.loads(shown)):
        run([*within, "address", "delete", address, "dev", interface.device])


def unplug(bed: str, interface: Interface) -> None:
    """Take away the cable of `interface`, at once: with its namespace it would go later."""
    namespace = namespace_name(bed, "net", interface.network)
    if namespace_path(namespace).exists():
        # Nothing to take away, where the making of the node was cut short.
        run(["ip", "-n", namespace, "link", "delete", _port(interface.host)], check=False)


def _port(host: int) -> str:
    return f"p{host}"


def remove_namespace(namespace: str) -> None:
    """Remove `namespace` and the cables that end in it; nothing happens if it does not exist."""
    if namespace_path(namespace).exists():
        run(["ip", "netns", "delete", namespace])


def namespaces(bed: str | None = None) -> list[str]:
    """Return the names of all namespaces that the testbed `bed` (or any) has on this host."""
    start = f"{_PREFIX}." if bed is None else f"{_PREFIX}.{bed}."
    if not _NAMESPACES.is_dir():
        return []
    return sorted(path.name for path in _NAMESPACES.iterdir() if path.name.startswith(start))
