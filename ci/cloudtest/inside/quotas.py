# SPDX-License-Identifier: Apache-2.0
"""quotas.py ACCOUNT: leave the account's project no room for more, then order it all the same.

Prints JSON: each thing to the HTTP status and the words with which it was refused; null where it
was not.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Any

import openstack
from openstack.exceptions import HttpException

account = json.loads(sys.argv[1])
admin = openstack.connect(cloud="admin")
cloud = admin.connect_as(**account)
project = admin.identity.find_project(account["project_name"], ignore_missing=False)
# As many as it has.
admin.set_compute_quotas(project.id, instances=len(list(cloud.compute.servers())))
admin.set_volume_quotas(project.id, volumes=len(list(cloud.block_storage.volumes())))
admin.set_network_quotas(
    project.id,
    network=len(list(cloud.network.networks(project_id=project.id))),
    floatingip=len(list(cloud.network.ips())),
)


def refusal(order: Callable[[], Any]) -> tuple[int | None, str] | None:
    try:
        order()
    except HttpException as error:
        return error.status_code, str(error.details or error)
    return None


def server() -> Any:
    return cloud.compute.create_server(
        name="too-many",
        image_id=cloud.image.find_image("demo", ignore_missing=False).id,
        flavor_id=cloud.compute.find_flavor("demo", ignore_missing=False).id,
        networks=[{"uuid": cloud.network.find_network(account["project_name"]).id}],
    )


def floating_ip() -> Any:
    external = cloud.network.find_network("external", ignore_missing=False)
    return cloud.network.create_ip(floating_network_id=external.id)


print(
    json.dumps(
        {
            "server": refusal(server),
            "volume": refusal(lambda: cloud.block_storage.create_volume(name="too-many", size=1)),
            "network": refusal(lambda: cloud.network.create_network(name="too-many")),
            "floating IP": refusal(floating_ip),
        }
    )
)
