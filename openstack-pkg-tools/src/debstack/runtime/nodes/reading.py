# SPDX-License-Identifier: Apache-2.0
"""Asks the cloud of which machines its services and agents report."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from debstack.runtime.nodes.inventory import Area, Node, Report, moment, nodes_of


def _of_service(area: Area, service: Any) -> Report:
    return Report(
        id=str(service.id),
        area=area,
        host=service.host,
        binary=service.binary,
        up=service.state == "up",
        seen=moment(service.updated_at),
        enabled=service.status == "enabled",
        reason=service.disabled_reason or "",
        zone=service.availability_zone or "",
    )


def _of_agent(agent: Any) -> Report:
    return Report(
        id=agent.id,
        area=Area.NETWORK,
        host=agent.host,
        binary=agent.binary,
        up=bool(agent.is_alive),
        seen=moment(agent.last_heartbeat_at),
        enabled=bool(agent.is_admin_state_up),
        gateway="Gateway" in agent.agent_type or agent.agent_type == "L3 agent",
    )


def _reports(cloud: Any) -> Iterator[Report]:
    for service in cloud.compute.services():
        yield _of_service(Area.COMPUTE, service)
    if cloud.has_service("network"):
        for agent in cloud.network.agents():
            yield _of_agent(agent)
    if cloud.has_service("block-storage"):
        for service in cloud.block_storage.services():
            yield _of_service(Area.VOLUME, service)


def _version(number: int | None) -> str:
    """Return a hypervisor's version, which Nova writes as one number: 10000002 for 10.0.2."""
    if not number:
        return ""
    return f" {number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"


def _hypervisors(cloud: Any) -> dict[str, str]:
    return {
        found.service_details["host"]: f"{found.hypervisor_type}"
        f"{_version(found.hypervisor_version)}"
        for found in cloud.compute.hypervisors(details=True)
    }


def read_nodes(cloud: Any) -> tuple[Node, ...]:
    """Return the machines of `cloud`."""
    return nodes_of(_reports(cloud), _hypervisors(cloud), datetime.now(UTC))
