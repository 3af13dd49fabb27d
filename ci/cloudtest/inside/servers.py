# SPDX-License-Identifier: Apache-2.0
"""servers.py ORDERS: do things to servers, all at once, and wait until all are done.

ORDERS is a JSON list of {"act": …, "server": its name, …}. An "account" among it is what of the
administrator's authentication is somebody else's. Prints JSON: the addresses of each new server.
"""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable
from typing import Any

import openstack

TIMEOUT_S = 500.0
USER_DATA = "#!/bin/sh\necho said-by-the-cloud >/run/proof\n"
Order = dict[str, Any]

admin = openstack.connect(cloud="admin")
clouds: dict[str, Any] = {"": admin}


def cloud_of(order: Order) -> Any:
    account = order.get("account", {})
    name = account.get("username", "")
    if name not in clouds:
        clouds[name] = admin.connect_as(**account)
    return clouds[name]


def server_of(order: Order) -> Any:
    return cloud_of(order).compute.find_server(order["server"], ignore_missing=False)


def simply(method: str, goal: str) -> Callable[[Order], str]:
    """Return what does to a server what the client calls `method`; it ends in the state `goal`."""

    def begin(order: Order) -> str:
        getattr(cloud_of(order).compute, method)(server_of(order))
        return goal

    return begin


def disk(order: Order) -> dict[str, Any]:
    """Return what a new server boots from: an image, or a volume that stays when the server goes.

    The volume is there already, or made from the image.
    """
    image = admin.image.find_image(order.get("image", "demo"), ignore_missing=False)
    volume = order.get("volume")
    if volume is None:
        return {"image_id": image.id}
    from_image = {"uuid": image.id, "source_type": "image", "volume_size": 1}
    source = {"uuid": volume, "source_type": "volume"} if volume else from_image
    whole = {"destination_type": "volume", "boot_index": 0, "delete_on_termination": False}
    return {"block_device_mapping": [{**source, **whole}]}


def create(order: Order) -> str:
    cloud = cloud_of(order)
    network = cloud.network.find_network(order.get("network", "demo"), ignore_missing=False)
    where: dict[str, str] = {"uuid": network.id}
    if "address" in order:
        where["fixed_ip"] = order["address"]
    more = {"key_name": "demo"} if cloud is admin else {}
    if "host" in order:
        more["availability_zone"] = f"nova:{order['host']}"
    elif "zone" in order:
        more["availability_zone"] = order["zone"]
    flavor = admin.compute.find_flavor("demo", ignore_missing=False)
    cloud.compute.create_server(
        name=order["server"],
        flavor_id=flavor.id,
        networks=[where],
        user_data=base64.b64encode((order.get("user_data") or USER_DATA).encode()).decode(),
        **disk(order),
        **more,
    )
    return "ACTIVE"


def resize(order: Order) -> str:
    flavor = admin.compute.find_flavor(order["flavor"], ignore_missing=False)
    cloud_of(order).compute.resize_server(server_of(order), flavor)
    return "VERIFY_RESIZE"


def rebuild(order: Order) -> str:
    image = admin.image.find_image(order.get("image", "demo"), ignore_missing=False)
    cloud_of(order).compute.rebuild_server(server_of(order), image.id)
    return "ACTIVE"


def snapshot(order: Order) -> str:
    cloud_of(order).compute.create_server_image(server_of(order), order["image"])
    return "ACTIVE"


ACTS: dict[str, Callable[[Order], str]] = {
    "create": create,
    "pause": simply("pause_server", "PAUSED"),
    "unpause": simply("unpause_server", "ACTIVE"),
    "shelve": simply("shelve_server", "SHELVED_OFFLOADED"),
    "unshelve": simply("unshelve_server", "ACTIVE"),
    "resize": resize,
    "confirm": simply("confirm_server_resize", "ACTIVE"),
    "rebuild": rebuild,
    "snapshot": snapshot,
    "delete": simply("delete_server", "DELETED"),
}


def settled(order: Order, goal: str) -> bool:
    """Say whether the server is as it is to be; one that failed raises RuntimeError."""
    cloud = cloud_of(order)
    server = cloud.compute.find_server(order["server"])
    if server is None:
        return goal == "DELETED"
    if server.status == "ERROR":
        raise RuntimeError(f"{order}: {server.fault}")
    if server.status != goal or server.task_state:
        return False
    if order["act"] != "snapshot":
        return True
    image = cloud.image.find_image(order["image"])
    return bool(image and image.status == "active")


def addresses(order: Order) -> dict[str, str]:
    """Return the server's addresses, with a floating one made for it if that is ordered."""
    cloud = cloud_of(order)
    server = server_of(order)
    (port,) = cloud.network.ports(device_id=server.id)
    found = {"id": server.id, "port": port.id}
    found |= {"inner": next(f["ip_address"] for f in port.fixed_ips if "." in f["ip_address"])}
    if order.get("floating"):
        external = cloud.network.find_network("external", ignore_missing=False)
        made = cloud.network.create_ip(floating_network_id=external.id, port_id=port.id)
        found["outer"] = made.floating_ip_address
    return found


def main() -> None:
    orders = json.loads(sys.argv[1])
    waiting = [(order, ACTS[order["act"]](order)) for order in orders]
    deadline = time.monotonic() + TIMEOUT_S
    while waiting := [(order, goal) for order, goal in waiting if not settled(order, goal)]:
        if time.monotonic() > deadline:
            raise TimeoutError(f"not done after {TIMEOUT_S:.0f} s: {waiting}")
        time.sleep(1)
    made = [order for order in orders if order["act"] == "create"]
    print(json.dumps({order["server"]: addresses(order) for order in made}))


main()
