# SPDX-License-Identifier: Apache-2.0
"""From what services report of themselves to the machines that they are on. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum

#: A machine that has been silent this long is taken for gone, not for one that is starting.
GONE_AFTER = timedelta(minutes=10)
COMPUTE = "nova-compute"
#: Which goes without saying.
_FIRST_CELL = "cell1"


class Area(StrEnum):
    """Which service of the cloud knows of a report."""

    COMPUTE = "compute"
    NETWORK = "network"
    VOLUME = "volume"


class NodeState(StrEnum):
    """Whether a machine is there: wholly, in part or not lately, or no longer."""

    UP = "up"
    DOWN = "down"
    GONE = "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """One service or agent of a machine, as the cloud knows it."""

    id: str
    area: Area
    host: str
    binary: str
    up: bool
    seen: datetime | None = None
    enabled: bool = True
    reason: str = ""
    #: Whether it leads the cloud's networks out into the world.
    gateway: bool = False
    #: The availability zone of a service of Nova or Cinder.
    zone: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One machine of the cloud."""

    name: str
    state: NodeState
    seen: datetime | None
    reports: tuple[Report, ...]
    hypervisor: str = ""
    #: The cell of Nova that it is in, where that is known.
    cell: str = ""

    @property
    def elsewhere(self) -> bool:
        """Whether it is in a cell that is not the controller's."""
        return self.cell not in ("", _FIRST_CELL)

    @property
    def compute(self) -> Report | None:
        """What of it runs virtual machines, if anything."""
        return next((report for report in self.reports if report.binary == COMPUTE), None)

    @property
    def silent(self) -> tuple[str, ...]:
        """The services that do not report."""
        return tuple(sorted(report.binary for report in self.reports if not report.up))

    @property
    def roles(self) -> tuple[str, ...]:
        """What it is in the cloud, told by the services on it."""
        binaries = {report.binary for report in self.reports}
        found = [role for role, marks in _MARKS.items() if binaries & marks]
        if self.elsewhere and "nova-scheduler" not in binaries:
            # The conductor of a cell directs nothing outside of it.
            found = ["cell" if role == "controller" else role for role in found]
        if any(report.gateway for report in self.reports):
            found.append("proxy")
        return tuple(found)


_MARKS: dict[str, frozenset[str]] = {
    "controller": frozenset({"nova-conductor", "nova-scheduler"}),
    "compute": frozenset({COMPUTE}),
    "storage": frozenset({"cinder-volume"}),
}


def moment(text: str | None) -> datetime | None:
    """Return the time that a service writes as `text`; where it names no zone, it is UTC."""
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def machine_name(host: str) -> str:
    """Return the machine of `host`, which for volumes has the name of a backend too."""
    return host.partition("@")[0]


def _state(reports: Iterable[Report], seen: datetime | None, now: datetime) -> NodeState:
    ups = [report.up for report in reports]
    if all(ups):
        return NodeState.UP
    if any(ups) or (seen is not None and now - seen < GONE_AFTER):
        return NodeState.DOWN
    return NodeState.GONE


def nodes_of(
    reports: Iterable[Report], hypervisors: Mapping[str, str], now: datetime
) -> tuple[Node, ...]:
    """Return the machines that `reports` come from, by name."""
    found: dict[str, list[Report]] = {}
    for report in reports:
        found.setdefault(machine_name(report.host), []).append(report)
    nodes = []
    for name, those in sorted(found.items()):
        seen = max((report.seen for report in those if report.seen), default=None)
        nodes.append(
            Node(
                name=name,
                state=_state(those, seen, now),
                seen=seen,
                reports=tuple(sorted(those, key=lambda report: (report.area, report.binary))),
                hypervisor=hypervisors.get(name, ""),
            )
        )
    return tuple(nodes)


def in_cells(nodes: Iterable[Node], cells: Mapping[str, str]) -> tuple[Node, ...]:
    """Return `nodes`, each with its cell of `cells`, by host. Pure."""
    return tuple(replace(node, cell=cells.get(node.name, "")) for node in nodes)


def as_data(node: Node) -> dict[str, object]:
    """Return `node` as plain data."""
    compute = node.compute
    return {
        "name": node.name,
        "state": node.state.value,
        "roles": list(node.roles),
        "seen": node.seen.isoformat() if node.seen else None,
        "hypervisor": node.hypervisor or None,
        "cell": node.cell or None,
        "zone": (compute and compute.zone) or None,
        "drained": compute is not None and not compute.enabled,
        "services": [
            {
                "binary": report.binary,
                "area": report.area.value,
                "host": report.host,
                "up": report.up,
                "enabled": report.enabled,
                "reason": report.reason or None,
                "seen": report.seen.isoformat() if report.seen else None,
            }
            for report in node.reports
        ],
    }


def line_of(node: Node) -> str:
    """Return how `node` is told in one line."""
    words = [f"{node.name}: {node.state.value}", ", ".join(node.roles) or "no role known"]
    if node.state is not NodeState.UP:
        words.append(f"silent: {', '.join(node.silent)}")
        words.append(f"last seen {node.seen:%Y-%m-%d %H:%M:%S} UTC" if node.seen else "never seen")
    compute = node.compute
    if compute is not None and not compute.enabled:
        words.append(f"takes no servers ({compute.reason or 'no reason given'})")
    if node.elsewhere:
        words.append(f"cell {node.cell}")
    if compute is not None and compute.zone:
        words.append(f"zone {compute.zone}")
    if node.hypervisor:
        words.append(node.hypervisor)
    return "; ".join(words)
