# SPDX-License-Identifier: Apache-2.0
"""A cloud of four machines, made as its administrator would: the other three join the first one."""

from __future__ import annotations

from pathlib import Path

from cloudtest import several
from cloudtest.acting import act, apt, debstack, dpkg_configure, preseed
from debstack.base.run import Result
from testbed.bed import Testbed
from testbed.node import Node

COMPUTES = ("compute-1", "compute-2")
#: The availability zone of the first one, by its preseed.
ZONE = "az1"
INSTALL_TIMEOUT_S = 1800.0


class Cloud:
    """A controller, a proxy that users come by, and two compute nodes."""

    def __init__(self, controller: Node, proxy: Node, computes: dict[str, Node]) -> None:
        self.controller = controller
        self.proxy = proxy
        self.computes = computes
        #: From debstack export to the end of apt-get, for what joined without trouble.
        self.took: dict[str, float] = {}
        #: What apt-get said where the controller could not be reached, and what came of it.
        self.unreached: Result
        self.left = ""

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All of its machines."""
        return (self.controller, self.proxy, *self.computes.values())


def _join_unreached(cloud: Cloud, node: Node) -> None:
    """Install `node`, with RabbitMQ users of its own, while nobody reaches the controller."""
    several.hand_over(cloud.controller, node, "compute", own=True)
    with cloud.controller.cut_off():
        cloud.unreached = apt(
            node,
            "install",
            "openstack-compute",
            check=False,
            env={"DEBSTACK_WAIT": "3"},
            timeout_s=INSTALL_TIMEOUT_S,
        )
        cloud.left = act(node, "dpkg", "--audit").stdout
    dpkg_configure(node)


def make_joined_cloud(bed: Testbed, repository: Path) -> Cloud:
    """Return the cloud, all nodes joined, with the networks of debstack demo."""

    def make(name: str) -> Node:
        node = several.make_machine(bed, name, repository, networks=several.NETWORKS)
        several.lay_tunnels(node)
        return node.boot()

    controller, proxy, *computes = (make(name) for name in ("controller", "proxy", *COMPUTES))
    several.choose_face(controller, proxy)
    apt(controller, "install", "openstack-controller", timeout_s=INSTALL_TIMEOUT_S)
    found = Cloud(controller, proxy, dict(zip(COMPUTES, computes, strict=True)))
    found.took["proxy"] = several.join(controller, proxy, ["proxy"])
    preseed(found.computes["compute-1"], {"nova/availability-zone": ZONE}, {})
    found.took["compute-1"] = several.join(controller, found.computes["compute-1"], ["compute"])
    _join_unreached(found, found.computes["compute-2"])
    several.await_hypervisors(controller, COMPUTES)
    debstack(controller, "demo")
    several.lead_outside(controller, proxy)
    return found
