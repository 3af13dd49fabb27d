# SPDX-License-Identifier: Apache-2.0
"""attachment.py attach VOLUME CONNECTOR | detach VOLUME: be a host that uses a volume.

CONNECTOR is JSON: what os-brick tells Cinder of a host. Prints JSON: what the host is told.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Callable
from typing import Any

import openstack

TIMEOUT_S = 240
#: The first one in which an attachment is completed by the host.
VERSION = "3.44"

cloud = openstack.connect(cloud="admin")
storage = cloud.block_storage


def asked(method: str, path: str, content: Any = None) -> Any:
    """Return what Cinder answers."""
    more = {"json": content} if content else {}
    answer = getattr(storage, method)(path, microversion=VERSION, **more)
    if answer.status_code >= 400:
        sys.exit(answer.text)
    return answer.json() if answer.content else {}


def attach(volume: str, connector: str) -> Any:
    found = storage.find_volume(volume, ignore_missing=False)
    wanted = {"instance_uuid": str(uuid.uuid4()), "volume_uuid": found.id}
    wanted["connector"] = json.loads(connector)
    made = asked("post", "/attachments", {"attachment": wanted})["attachment"]
    asked("post", f"/attachments/{made['id']}/action", {"os-complete": None})
    storage.wait_for_status(found, "in-use", failures=["error"], wait=TIMEOUT_S)
    return made["connection_info"]


def detach(volume: str) -> Any:
    found = storage.find_volume(volume, ignore_missing=False)
    for one in asked("get", f"/attachments?volume_id={found.id}")["attachments"]:
        asked("delete", f"/attachments/{one['id']}")
    storage.wait_for_status(found, "available", failures=["error"], wait=TIMEOUT_S)
    return {}


ACTS: dict[str, Callable[..., Any]] = {"attach": attach, "detach": detach}
print(json.dumps(ACTS[sys.argv[1]](*sys.argv[2:])))
