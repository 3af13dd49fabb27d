# SPDX-License-Identifier: Apache-2.0
"""Prints what is in Keystone, as the administrator of /root's clouds.yaml reads it."""

import json
from pathlib import Path
from typing import Any

import yaml
from keystoneauth1.identity.v3 import Password
from keystoneauth1.session import Session

cloud = yaml.safe_load(Path("/root/.config/openstack/clouds.yaml").read_text())["clouds"]["admin"]
session = Session(auth=Password(**cloud["auth"]), verify=cloud.get("cacert", True))
url = cloud["auth"]["auth_url"]


def listed(kind: str) -> list[dict[str, Any]]:
    """Return all entries of a kind, which is the last word of its path."""
    found: list[dict[str, Any]] = session.get(f"{url}/{kind}").json()[kind.rpartition("/")[2]]
    return found


services = {service["id"]: service for service in listed("services")}
endpoints = [
    {
        "id": endpoint["id"],
        "type": services[endpoint["service_id"]]["type"],
        "region": endpoint["region_id"],
        "interface": endpoint["interface"],
        "url": endpoint["url"],
    }
    for endpoint in listed("endpoints")
]
print(
    json.dumps(
        {
            "users": {user["name"]: user["id"] for user in listed("users")},
            "projects": {project["name"]: project["id"] for project in listed("projects")},
            "roles": sorted(role["name"] for role in listed("roles")),
            "services": sorted([item["type"], item["name"]] for item in services.values()),
            "endpoints": sorted(endpoints, key=lambda e: (e["type"], e["interface"], e["id"])),
        }
    )
)
