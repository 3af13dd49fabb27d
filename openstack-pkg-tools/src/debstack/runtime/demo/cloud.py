# SPDX-License-Identifier: Apache-2.0
"""What the demo has in the cloud, as things that can be found, made and deleted, in order.

Through openstacksdk, which reads /root/.config/openstack/clouds.yaml. What it made is known by its
name and its description: what people made under the same name is used, and never deleted.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debstack.base.errors import DebstackError
from debstack.runtime.demo import host

NAME = "demo"
EXTERNAL = "external"
MARK = "Made by debstack demo."
GUEST = Path("/usr/share/debstack-guest")
PRIVATE_RANGE = "10.87.0.0/24"
PRIVATE_RANGE6 = "fd87:0:0:1::/64"
_UPLOAD_TIMEOUT_S = 300.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What the demo is to be like."""

    outside: host.Outside
    physical_network: str


class Thing(ABC):
    """Something in the cloud. `title` is what people call it."""

    title: str

    def __init__(self, cloud: Any, wish: Wish) -> None:
        self._cloud = cloud
        self._wish = wish

    @abstractmethod
    def find(self) -> Any:
        """Return it, whoever made it; None where it is not there."""

    @abstractmethod
    def make(self) -> None:
        """Make it."""

    @abstractmethod
    def ours(self) -> Any:
        """Return it where the demo has made it; None otherwise."""

    @abstractmethod
    def delete(self, found: Any) -> None:
        """Delete what `ours` has returned."""


class Image(Thing):
    """The tiny guest, where the cloud has no image yet: kernel, initrd and disk."""

    title = f"image {NAME}"
    _PARTS = ("kernel", "initrd")

    def find(self) -> Any:
        """See Thing: any image that can be booted will do."""
        parts = {f"{NAME}-{part}" for part in self._PARTS}
        images = self._cloud.image.images(status="active")
        return next((image for image in images if image.name not in parts), None)

    def _upload(self, name: str, file: str, **properties: str) -> Any:
        path = GUEST / file
        if not path.is_file():
            raise DebstackError(
                f"{path}: missing: there is no image to upload",
                hint="run: apt-get install debstack-guest; or upload an image of your own",
            )
        # Of an upload that was cut short something is left, which can only be made anew.
        for left in self._cloud.image.images(name=name):
            self._cloud.image.delete_image(left)
        return self._cloud.image.create_image(
            name,
            filename=str(path),
            disk_format="raw",
            container_format="bare",
            visibility="public",
            debstack_demo="true",
            timeout=_UPLOAD_TIMEOUT_S,
            **properties,
        )

    def make(self) -> None:
        """See Thing."""
        kernel, initrd = (self._upload(f"{NAME}-{part}", part) for part in self._PARTS)
        self._upload(
            NAME,
            "disk.raw",
            kernel_id=kernel.id,
            ramdisk_id=initrd.id,
            os_command_line="console=ttyS0 quiet",
            hw_rng_model="virtio",
        )

    def ours(self) -> Any:
        """See Thing."""
        images = self._cloud.image.images()
        return [i for i in images if i.properties.get("debstack_demo") == "true"] or None

    def delete(self, found: Any) -> None:
        """See Thing."""
        for image in found:
            self._cloud.image.delete_image(image)


class Flavor(Thing):
    """A size of virtual machine that starts anywhere."""

    title = f"flavor {NAME}"

    def find(self) -> Any:
        """See Thing."""
        return self._cloud.compute.find_flavor(NAME)

    def make(self) -> None:
        """See Thing."""
        self._cloud.compute.create_flavor(name=NAME, ram=256, vcpus=1, disk=1, description=MARK)

    def ours(self) -> Any:
        """See Thing."""
        found = self.find()
        return found if found is not None and found.description == MARK else None

    def delete(self, found: Any) -> None:
        """See Thing."""
        self._cloud.compute.delete_flavor(found)


class Keypair(Thing):
    """Root's SSH key of this machine."""

    title = f"key pair {NAME}"

    def find(self) -> Any:
        """See Thing."""
        return self._cloud.compute.find_keypair(NAME)

    def make(self) -> None:
        """See Thing."""
        self._cloud.compute.create_keypair(name=NAME, public_key=host.public_key())

    def ours(self) -> Any:
        """See Thing: one that is not the key of this machine is somebody's own."""
        found = self.find()
        key = host.public_key().split()[:2]
        return found if found is not None and found.public_key.split()[:2] == key else None

    def delete(self, found: Any) -> None:
        """See Thing."""
        self._cloud.compute.delete_keypair(found)


class ExternalNetwork(Thing):
    """The network that floating IPs are of, where the cloud has none."""

    title = f"external network {EXTERNAL}"

    def find(self) -> Any:
        """See Thing: any external network will do."""
        return next(iter(self._cloud.network.networks(is_router_external=True)), None)

    def make(self) -> None:
        """See Thing."""
        self._cloud.network.create_network(
            name=EXTERNAL,
            description=MARK,
            is_router_external=True,
            is_shared=False,
            provider_network_type="flat",
            provider_physical_network=self._wish.physical_network,
        )

    def ours(self) -> Any:
        """See Thing."""
        found = self._cloud.network.networks(name=EXTERNAL)
        return next((network for network in found if network.description == MARK), None)

    def delete(self, found: Any) -> None:
        """See Thing."""
        self._cloud.network.delete_network(found)


class ExternalSubnet(Thing):
    """The range of the floating IPs, with this machine as the way out."""

    title = "range of the floating IPs"

    def _network(self) -> Any:
        return ExternalNetwork(self._cloud, self._wish).find()

    def find(self) -> Any:
        """See Thing."""
        return next(iter(self._cloud.network.subnets(network_id=self._network().id)), None)

    def make(self) -> None:
        """See Thing."""
        outside = self._wish.outside
        self._cloud.network.create_subnet(
            name=EXTERNAL,
            description=MARK,
            network_id=self._network().id,
            ip_version=4,
            cidr=str(outside.range),
            gateway_ip=outside.gateway,
            is_dhcp_enabled=False,
        )

    def ours(self) -> Any:
        """See Thing: it goes with its network."""
        return None

    def delete(self, found: Any) -> None:
        """See Thing."""


class PrivateNetwork(Thing):
    """The network that virtual machines are in."""

    title = f"network {NAME}"

    def find(self) -> Any:
        """See Thing."""
        return self._cloud.network.find_network(NAME)

    def make(self) -> None:
        """See Thing."""
        self._cloud.network.create_network(name=NAME, description=MARK)

    def ours(self) -> Any:
        """See Thing."""
        found = self.find()
        return found if found is not None and found.description == MARK else None

    def delete(self, found: Any) -> None:
        """See Thing: what else is in the network is somebody's, and keeps it."""
        owners = ("network:router_interface", "network:distributed", "network:dhcp")
        ports = self._cloud.network.ports(network_id=found.id)
        used = [p for p in ports if p.device_owner and not p.device_owner.startswith(owners)]
        if used:
            raise DebstackError(
                f"network {NAME}: still in use by {len(used)} ports",
                hint="delete the servers in it; then run: debstack demo --remove",
            )
        self._cloud.network.delete_network(found)


class PrivateSubnets(Thing):
    """Its addresses: IPv4 by DHCP, IPv6 by autoconfiguration."""

    title = f"ranges of network {NAME}"

    def find(self) -> Any:
        """See Thing."""
        network = self._cloud.network.find_network(NAME)
        found = list(self._cloud.network.subnets(network_id=network.id))
        return found if {4, 6} <= {subnet.ip_version for subnet in found} else None

    def make(self) -> None:
        """See Thing."""
        network = self._cloud.network.find_network(NAME)
        there = {s.ip_version for s in self._cloud.network.subnets(network_id=network.id)}
        ranges: dict[int, dict[str, Any]] = {
            4: {"cidr": PRIVATE_RANGE},
            6: {"cidr": PRIVATE_RANGE6, "ipv6_address_mode": "slaac", "ipv6_ra_mode": "slaac"},
        }
        for version, fields in ranges.items():
            if version not in there:
                self._cloud.network.create_subnet(
                    name=f"{NAME}{version}",
                    description=MARK,
                    network_id=network.id,
                    ip_version=version,
                    **fields,
                )

    def ours(self) -> Any:
        """See Thing: they go with the network."""
        return None

    def delete(self, found: Any) -> None:
        """See Thing."""


class Router(Thing):
    """The way from the private network to the external one."""

    title = f"router {NAME}"

    def _connected(self, router: Any) -> set[str]:
        ports = self._cloud.network.ports(device_id=router.id)
        return {fixed["subnet_id"] for port in ports for fixed in port.fixed_ips}

    def _subnets(self) -> list[Any]:
        network = self._cloud.network.find_network(NAME)
        return list(self._cloud.network.subnets(network_id=network.id)) if network else []

    def find(self) -> Any:
        """See Thing: one that does not lead from there to there yet is still to be made."""
        router = self._cloud.network.find_router(NAME)
        if router is None or not router.external_gateway_info:
            return None
        missing = {subnet.id for subnet in self._subnets()} - self._connected(router)
        return None if missing else router

    def make(self) -> None:
        """See Thing."""
        external = ExternalNetwork(self._cloud, self._wish).find()
        gateway = {"network_id": external.id}
        router = self._cloud.network.find_router(NAME)
        if router is None:
            router = self._cloud.network.create_router(
                name=NAME, description=MARK, external_gateway_info=gateway
            )
        elif not router.external_gateway_info:
            self._cloud.network.update_router(router, external_gateway_info=gateway)
        connected = self._connected(router)
        for subnet in self._subnets():
            if subnet.id not in connected:
                self._cloud.network.add_interface_to_router(router, subnet_id=subnet.id)

    def ours(self) -> Any:
        """See Thing."""
        found = self._cloud.network.find_router(NAME)
        return found if found is not None and found.description == MARK else None

    def delete(self, found: Any) -> None:
        """See Thing."""
        used = [
            address.floating_ip_address for address in self._cloud.network.ips(router_id=found.id)
        ]
        if used:
            raise DebstackError(
                f"router {NAME}: floating IPs lead through it: {', '.join(used)}",
                hint="delete them (openstack floating ip delete …); "
                "then run: debstack demo --remove",
            )
        for subnet in self._subnets():
            if subnet.id in self._connected(found):
                self._cloud.network.remove_interface_from_router(found, subnet_id=subnet.id)
        self._cloud.network.delete_router(found)


class Rules(Thing):
    """SSH and ping into the machines of the administrator's project."""

    title = "security rules for SSH and ping"
    _WANTED = (
        {"ether_type": "IPv4", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22},
        {"ether_type": "IPv4", "protocol": "icmp"},
        {"ether_type": "IPv6", "protocol": "tcp", "port_range_min": 22, "port_range_max": 22},
        {"ether_type": "IPv6", "protocol": "ipv6-icmp"},
    )

    def _group(self) -> Any:
        project = self._cloud.current_project_id
        groups = self._cloud.network.security_groups(name="default", project_id=project)
        return next(iter(groups), None)

    def _rules(self) -> list[Any]:
        group = self._group()
        if group is None:
            return []
        found = self._cloud.network.security_group_rules(
            security_group_id=group.id, direction="ingress"
        )
        return list(found)

    def _missing(self) -> list[dict[str, Any]]:
        keys = ("ether_type", "protocol", "port_range_min", "port_range_max")
        there = {
            tuple(getattr(rule, key) for key in keys)
            for rule in self._rules()
            if rule.remote_ip_prefix in (None, "0.0.0.0/0", "::/0") and not rule.remote_group_id
        }
        return [rule for rule in self._WANTED if tuple(rule.get(key) for key in keys) not in there]

    def find(self) -> Any:
        """See Thing."""
        return None if self._missing() else True

    def make(self) -> None:
        """See Thing."""
        group = self._group()
        for rule in self._missing():
            self._cloud.network.create_security_group_rule(
                security_group_id=group.id, direction="ingress", description=MARK, **rule
            )

    def ours(self) -> Any:
        """See Thing."""
        return [rule for rule in self._rules() if rule.description == MARK] or None

    def delete(self, found: Any) -> None:
        """See Thing."""
        for rule in found:
            self._cloud.network.delete_security_group_rule(rule)


#: In the order in which they are made; they are deleted the other way round.
THINGS: Sequence[type[Thing]] = (
    Image,
    Flavor,
    Keypair,
    Rules,
    ExternalNetwork,
    ExternalSubnet,
    PrivateNetwork,
    PrivateSubnets,
    Router,
)


def things(cloud: Any, wish: Wish) -> list[Thing]:
    """Return what the demo has in the cloud, in the order in which it is made."""
    return [kind(cloud, wish) for kind in THINGS]
