# SPDX-License-Identifier: Apache-2.0
"""Measuring Debian's own packages of the same services, installed with the answers they need.

Only what has an answer is answered; what has none and keeps virtual machines from starting is
mended as by hand in peer_all_in_one.py, which takes time too.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

from benchmark.failure import log_kept
from benchmark.figure import Figure
from cloudtest.acting import act, apt
from testbed.bed import Testbed
from testbed.node import Node

SERVERS = ("mariadb-server", "rabbitmq-server", "memcached", "dbconfig-mysql")
PASSWORD = "peer-password"  # noqa: S105 - lives as long as the node
_ADDRESS = "127.0.0.1"
_REGION = "regionOne"
_BROKER_USER = "openstack"
_INSTALL_TIMEOUT_S = 1200.0

Answers = Mapping[str, tuple[str, str]]


def _database(prefix: str, question: str) -> Answers:
    return {
        question: ("boolean", "true"),
        f"{prefix}/dbconfig-install": ("boolean", "true"),
        f"{prefix}/database-type": ("select", "mysql"),
        f"{prefix}/mysql/app-pass": ("password", PASSWORD),
        f"{prefix}/app-password-confirm": ("password", PASSWORD),
    }


def _broker(source: str) -> Answers:
    return {
        f"{source}/configure_rabbit": ("boolean", "true"),
        f"{source}/rabbit-host": ("string", "localhost"),
        f"{source}/rabbit-userid": ("string", _BROKER_USER),
        f"{source}/rabbit-password": ("password", PASSWORD),
    }


def _account(source: str) -> Answers:
    return {
        f"{source}/configure_ksat": ("boolean", "true"),
        f"{source}/ksat-public-url": ("string", f"http://{_ADDRESS}:5000"),
        f"{source}/ksat-region": ("string", _REGION),
        f"{source}/ksat-create-service-user": ("boolean", "true"),
        f"{source}/ksat-admin-username": ("string", "admin"),
        f"{source}/ksat-admin-project-name": ("string", "admin"),
        f"{source}/ksat-admin-password": ("password", PASSWORD),
        f"{source}/ksat-service-username": ("string", source),
        f"{source}/ksat-service-project-name": ("string", "service"),
        f"{source}/ksat-service-password": ("password", PASSWORD),
    }


def _endpoint(source: str) -> Answers:
    return {
        f"{source}/configure_api-endpoint": ("boolean", "true"),
        f"{source}/api-keystone-address": ("string", _ADDRESS),
        f"{source}/api-keystone-proto": ("select", "http"),
        f"{source}/api-keystone-admin-username": ("string", "admin"),
        f"{source}/api-keystone-admin-project-name": ("string", "admin"),
        f"{source}/api-keystone-admin-password": ("password", PASSWORD),
        f"{source}/api-endpoint-address": ("string", _ADDRESS),
        f"{source}/api-endpoint-proto": ("select", "http"),
        f"{source}/api-endpoint-region-name": ("string", _REGION),
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """Packages that are installed by one apt-get, and what their questions are answered."""

    packages: tuple[str, ...]
    #: Owner of the questions to questions.
    answers: Mapping[str, Answers]


KEYSTONE = Part(
    packages=("keystone",),
    answers={
        "keystone": {
            **_database("keystone", "keystone/configure_db"),
            "keystone/create-admin-tenant": ("boolean", "true"),
            "keystone/admin-password": ("password", PASSWORD),
            "keystone/admin-password-confirm": ("password", PASSWORD),
            "keystone/register-endpoint": ("boolean", "true"),
            "keystone/endpoint-ip": ("string", _ADDRESS),
            "keystone/endpoint-proto": ("select", "http"),
            "keystone/region-name": ("string", _REGION),
        }
    },
)
GLANCE = Part(
    packages=("glance-api",),
    answers={
        "glance-common": {
            **_database("glance-common", "glance/configure_db"),
            **_broker("glance"),
            **_account("glance"),
        },
        "glance-api": _endpoint("glance"),
    },
)
PLACEMENT = Part(
    packages=("placement-api",),
    answers={
        "placement-common": {
            **_database("placement-common", "placement/configure_db"),
            **_account("placement"),
        },
        "placement-api": _endpoint("placement"),
    },
)
NOVA = Part(
    packages=("nova-api", "nova-conductor", "nova-scheduler", "nova-consoleproxy"),
    answers={
        "nova-common": {
            **_database("nova-common", "nova/configure_db"),
            **_broker("nova"),
            **_account("nova"),
            "nova/my-ip": ("string", _ADDRESS),
            "nova/cinder_os_region_name": ("string", _REGION),
            "nova/configure_neutron": ("boolean", "true"),
            "nova/neutron_url": ("string", f"http://{_ADDRESS}:9696"),
            "nova/neutron_admin_tenant_name": ("string", "service"),
            "nova/neutron_admin_username": ("string", "neutron"),
            "nova/neutron_admin_password": ("password", PASSWORD),
            "nova/metadata_secret": ("password", PASSWORD),
            "nova/configure_placement": ("boolean", "true"),
            "nova/placement_admin_password": ("password", PASSWORD),
            "nova/placement_os_region_name": ("string", _REGION),
        },
        "nova-api": {
            **_database("nova-api", "novaapi/configure_db"),
            **_endpoint("nova"),
        },
        "nova-consoleproxy": {"nova-consoleproxy/daemon_type": ("select", "novnc")},
    },
)
NEUTRON = Part(
    packages=(
        *("neutron-api", "neutron-rpc-server", "neutron-periodic-workers", "openvswitch-switch"),
        *("neutron-openvswitch-agent", "neutron-l3-agent", "neutron-dhcp-agent"),
        "neutron-metadata-agent",
    ),
    answers={
        "neutron-common": {
            **_database("neutron-common", "neutron/configure_db"),
            **_broker("neutron"),
            **_account("neutron"),
            "neutron/configure_nova": ("boolean", "true"),
            "neutron/nova_auth_url": ("string", f"http://{_ADDRESS}:5000"),
            "neutron/nova_region": ("string", _REGION),
            "neutron/nova_service_password": ("password", PASSWORD),
        },
        "neutron-api": _endpoint("neutron"),
        "neutron-metadata-agent": {
            "neutron-metadata/configure": ("boolean", "true"),
            "neutron-metadata/metadata_secret": ("password", PASSWORD),
            "neutron-metadata/nova_metadata_host": ("string", _ADDRESS),
        },
        "neutron-openvswitch-agent": {
            "neutron-openvswitch-agent/overlay-int-ip-address": ("string", _ADDRESS),
        },
    },
)
COMPUTE = Part(packages=("nova-compute", "nova-compute-qemu"), answers={})
CINDER = Part(
    packages=("cinder-api", "cinder-scheduler", "cinder-volume"),
    answers={
        "cinder-common": {
            **_database("cinder-common", "cinder/configure_db"),
            **_broker("cinder"),
            **_account("cinder"),
            "cinder/volume_group": ("string", "none"),
            "cinder/my-ip": ("string", _ADDRESS),
            "cinder/glance-api-servers": ("string", f"http://{_ADDRESS}:9292"),
        },
        "cinder-api": _endpoint("cinder"),
    },
)
#: In the order in which each finds what it registers itself with.
ALL_IN_ONE: Mapping[str, Part] = {
    "keystone": KEYSTONE,
    "placement": PLACEMENT,
    "glance": GLANCE,
    "nova": NOVA,
    "neutron": NEUTRON,
    "compute": COMPUTE,
    "cinder": CINDER,
}


def answered(parts: Mapping[str, Part]) -> int:
    """Return how many answers `parts` need."""
    return sum(len(given) for part in parts.values() for given in part.answers.values())


def install(node: Node, part: Part) -> float:
    """Answer the questions of `part` and install it; return the seconds that apt-get took."""
    lines = [
        f"{owner} {name} {kind} {value}"
        for owner, given in part.answers.items()
        for name, (kind, value) in given.items()
    ]
    act(node, "debconf-set-selections", input="\n".join(lines) + "\n")
    return timed(node, *part.packages)


def timed(node: Node, *packages: str) -> float:
    """Install `packages`; return the seconds that it took."""
    began = time.monotonic()
    apt(node, "install", "--no-install-recommends", *packages, timeout_s=_INSTALL_TIMEOUT_S)
    return time.monotonic() - began


def make_broker_account(node: Node) -> None:
    """Make the account at RabbitMQ that the answers name."""
    act(node, "rabbitmqctl", "add_user", _BROKER_USER, input=f"{PASSWORD}\n")
    act(node, "rabbitmqctl", "set_permissions", _BROKER_USER, ".*", ".*", ".*")


def measure_peer() -> list[Figure]:
    """Return the seconds that Debian's packages take for the same, by the names `ours` uses.

    Raises PeerError.
    """
    with Testbed("bench-peer") as bed, log_kept(bed.name, bed.nodes):
        wanted = [*SERVERS, "keystone", "glance-api", "python3-openstackclient"]
        node = bed.create("peer", packages=wanted).boot()
        apt(node, "install", *SERVERS)
        make_broker_account(node)
        seconds = {
            "install keystone": install(node, KEYSTONE),
            "install glance": install(node, GLANCE),
        }
        began = time.monotonic()
        act(
            node,
            "dpkg-reconfigure",
            "keystone",
            env={"DEBIAN_FRONTEND": "noninteractive"},
            timeout_s=600,
        )
        seconds["dpkg-reconfigure keystone"] = time.monotonic() - began
        return [Figure(name=name, value=value, unit="s") for name, value in seconds.items()]
