# SPDX-License-Identifier: Apache-2.0
"""latency.py REQUESTS CLIENTS…: how long the cloud's APIs take to answer, with so many clients.

Prints JSON: operation to number of clients to [median, 99th percentile] in milliseconds. The
number of requests of each measurement is bounded by REQUESTS; they go to this machine alone. What
is listed is the same in any cloud, whatever there is besides: one bare image, one bare network, no
server.
"""

from __future__ import annotations

import json
import statistics
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import openstack
import requests

#: The name of what is listed; no server has it.
_NAME = "latency"

Operation = Callable[[requests.Session], int]


@contextmanager
def listed(cloud: Any) -> Iterator[None]:
    """Make what is to be listed, and remove it."""
    image = cloud.image.create_image(name=_NAME, disk_format="raw", container_format="bare")
    network = cloud.network.create_network(name=_NAME)
    try:
        yield
    finally:
        cloud.network.delete_network(network)
        cloud.image.delete_image(image)


def operations(cloud: Any) -> dict[str, Operation]:
    """Return what is measured, by name; each gives the answer's status code."""
    headers = {"X-Auth-Token": cloud.auth_token}
    auth = cloud.config.get_auth_args()

    def listing(kind: str, path: str) -> Operation:
        url = f"{cloud.endpoint_for(kind).rstrip('/')}{path}?name={_NAME}"
        return lambda session: session.get(url, headers=headers, timeout=60).status_code

    body = {
        "auth": {
            "identity": {
                "methods": ["password"],
                "password": {
                    "user": {
                        "name": auth["username"],
                        "domain": {"name": auth["user_domain_name"]},
                        "password": auth["password"],
                    }
                },
            },
            "scope": {
                "project": {
                    "name": auth["project_name"],
                    "domain": {"name": auth["project_domain_name"]},
                }
            },
        }
    }
    tokens = f"{auth['auth_url'].rstrip('/').removesuffix('/v3')}/v3/auth/tokens"
    return {
        "token issue": lambda session: session.post(tokens, json=body, timeout=60).status_code,
        "server list": listing("compute", "/servers"),
        "network list": listing("network", "/v2.0/networks"),
        "image list": listing("image", "/v2/images"),
    }


def measure(operation: Operation, clients: int, count: int) -> list[float]:
    """Return the median and the 99th percentile, in milliseconds, of `count` requests."""
    times: list[float] = []
    each = max(1, count // clients)

    def client() -> None:
        with requests.Session() as session:
            for _ in range(each):
                began = time.monotonic()
                status = operation(session)
                times.append((time.monotonic() - began) * 1000)
                if status >= 300:
                    raise SystemExit(f"answered {status}")

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(times) != each * clients:
        raise SystemExit("a client failed")
    return [statistics.median(times), statistics.quantiles(times, n=100, method="inclusive")[98]]


count, *numbers = (int(word) for word in sys.argv[1:])
found: dict[str, dict[int, list[float]]] = {}
cloud = openstack.connect(cloud="admin")
with listed(cloud):
    for name, operation in operations(cloud).items():
        measure(operation, 1, 5)  # what a first request makes is made
        found[name] = {number: measure(operation, number, count) for number in numbers}
print(json.dumps(found))
