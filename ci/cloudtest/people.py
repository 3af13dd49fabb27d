# SPDX-License-Identifier: Apache-2.0
"""Somebody who uses the cloud, and does not administer it."""

from __future__ import annotations

from cloudtest.acting import openstack
from cloudtest.observing import identity
from testbed.node import Node


def member(node: Node, name: str, project: str) -> dict[str, str]:
    """Make somebody who is a member of a project of his own, and nothing else.

    Returns the environment in which the client is his.
    """
    password = f"of-{name}"
    openstack(node, "project", "create", project)
    openstack(node, "user", "create", "--password", password, name)
    openstack(node, "role", "add", "--user", name, "--project", project, "member")
    return {
        "OS_AUTH_URL": identity(node).urls("identity")["public"],
        "OS_USERNAME": name,
        "OS_PASSWORD": password,
        "OS_PROJECT_NAME": project,
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_IDENTITY_API_VERSION": "3",
    }


def remove_member(node: Node, person: dict[str, str]) -> None:
    """Undo `member`, by what it returned."""
    openstack(node, "user", "delete", person["OS_USERNAME"])
    openstack(node, "project", "delete", person["OS_PROJECT_NAME"])
