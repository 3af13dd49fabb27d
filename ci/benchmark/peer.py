# SPDX-License-Identifier: Apache-2.0
"""Measuring Debian's own keystone and glance packages, installed with the answers they need."""

from __future__ import annotations

import time
from collections.abc import Mapping

from cloudtest.acting import act, apt
from testbed.bed import Testbed
from testbed.node import Node

_SERVERS = ("mariadb-server", "rabbitmq-server", "memcached", "dbconfig-mysql")
_PASSWORD = "peer-password"  # noqa: S105 - lives as long as the node
_ADDRESS = "127.0.0.1"


def _database(prefix: str) -> dict[str, tuple[str, str]]:
    return {
        f"{prefix}/configure_db": ("boolean", "true"),
        f"{prefix}/dbconfig-install": ("boolean", "true"),
        f"{prefix}/database-type": ("select", "mysql"),
        f"{prefix}/mysql/app-pass": ("password", _PASSWORD),
        f"{prefix}/app-password-confirm": ("password", _PASSWORD),
    }


def _keystone() -> dict[str, tuple[str, str]]:
    return {
        **_database("keystone"),
        "keystone/create-admin-tenant": ("boolean", "true"),
        "keystone/admin-password": ("password", _PASSWORD),
        "keystone/admin-password-confirm": ("password", _PASSWORD),
        "keystone/register-endpoint": ("boolean", "true"),
        "keystone/endpoint-ip": ("string", _ADDRESS),
        "keystone/endpoint-proto": ("select", "http"),
        "keystone/region-name": ("string", "regionOne"),
    }


def _glance() -> dict[str, tuple[str, str]]:
    return {
        **_database("glance"),
        "glance/configure_ksat": ("boolean", "true"),
        "glance/ksat-public-url": ("string", f"http://{_ADDRESS}:5000"),
        "glance/ksat-region": ("string", "regionOne"),
        "glance/ksat-create-service-user": ("boolean", "true"),
        "glance/ksat-admin-username": ("string", "admin"),
        "glance/ksat-admin-project-name": ("string", "admin"),
        "glance/ksat-admin-password": ("password", _PASSWORD),
        "glance/ksat-service-password": ("password", _PASSWORD),
        "glance/configure_api-endpoint": ("boolean", "true"),
        "glance/api-keystone-address": ("string", _ADDRESS),
        "glance/api-keystone-proto": ("select", "http"),
        "glance/api-keystone-admin-username": ("string", "admin"),
        "glance/api-keystone-admin-project-name": ("string", "admin"),
        "glance/api-keystone-admin-password": ("password", _PASSWORD),
        "glance/api-endpoint-address": ("string", _ADDRESS),
        "glance/api-endpoint-proto": ("select", "http"),
        "glance/api-endpoint-region-name": ("string", "regionOne"),
    }


def _answer(node: Node, owner: str, answers: Mapping[str, tuple[str, str]]) -> None:
    lines = [f"{owner} {name} {kind} {value}" for name, (kind, value) in answers.items()]
    act(node, "debconf-set-selections", input="\n".join(lines) + "\n")


def _timed(node: Node, *arguments: str) -> float:
    began = time.monotonic()
    apt(node, *arguments)
    return time.monotonic() - began


def measure_peer() -> dict[str, float]:
    """Return the seconds that Debian's packages take for the same, by the names `ours` uses."""
    with Testbed("bench-peer") as bed:
        wanted = [*_SERVERS, "keystone", "glance-api", "python3-openstackclient"]
        node = bed.create("peer", packages=wanted).boot()
        apt(node, "install", *_SERVERS)
        _answer(node, "keystone", _keystone())
        seconds = {"install keystone": _timed(node, "install", "keystone")}
        _answer(node, "glance-common", {k: v for k, v in _glance().items() if "/api-" not in k})
        _answer(node, "glance-api", {k: v for k, v in _glance().items() if "api-" in k})
        seconds["install glance"] = _timed(node, "install", "glance-api")
        began = time.monotonic()
        act(
            node,
            "dpkg-reconfigure",
            "keystone",
            env={"DEBIAN_FRONTEND": "noninteractive"},
            timeout_s=600,
        )
        seconds["dpkg-reconfigure keystone"] = time.monotonic() - began
        return seconds
