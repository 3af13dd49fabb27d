# SPDX-License-Identifier: Apache-2.0
"""The commands debstack nodes, drain and forget, on the controller."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from debstack.base.errors import DebstackError
from debstack.base.main import OK
from debstack.runtime.connection import connect, errors_of_the_cloud, refusal
from debstack.runtime.doing import Doing, tell
from debstack.runtime.files import remove
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import Machine, read_machine, require_root
from debstack.runtime.nodes import known, passwords
from debstack.runtime.nodes.inventory import (
    COMPUTE,
    Area,
    Node,
    Report,
    as_data,
    in_cells,
    line_of,
)
from debstack.runtime.nodes.moving import Move, Mover, plan_moves
from debstack.runtime.nodes.reading import read_nodes
from debstack.runtime.step import Change
from debstack.runtime.tls.signing import issued_path
from debstack.spec.load import suggestion

_ROOT = Path("/")
#: The reason that Nova keeps; what somebody disabled for a reason of his own has another.
DRAINED = "debstack drain"


def chosen(nodes: Sequence[Node], name: str) -> Node:
    """Return the node of that name. Raises DebstackError."""
    for node in nodes:
        if node.name == name:
            return node
    names = [node.name for node in nodes]
    raise DebstackError(
        f'no machine of this cloud is called "{name}"{suggestion(name, names)}',
        hint="see: debstack nodes",
    )


def _compute_of(node: Node) -> Report:
    if node.compute is None:
        raise DebstackError(
            f"{node.name}: no compute node, so that it has no servers to move",
            hint="see: debstack nodes",
        )
    return node.compute


def servers_on(cloud: Any, node: str) -> list[Any]:
    """Return the servers of all projects on `node`, and no others."""
    found = cloud.compute.servers(details=True, all_projects=True, compute_host=node)
    # Nova ignores a filter that it does not know or allow: then these would be all servers.
    return [server for server in found if server.compute_host == node]


def cells_of_hosts() -> dict[str, str]:
    """Return the cell of each machine that this one knows to be in one of Nova's cells.

    Raises DatabaseError.
    """
    from debstack.runtime.cells import mapping, noted

    place = mapping.place_of(read_machine(_ROOT).context())
    if place is None:
        return {}
    with place.open() as session:
        found = mapping.hosts(session)
    return {**{cell.node: cell.name for cell in noted.held(_ROOT) if cell.node}, **found}


def nodes(*, as_json: bool) -> int:
    """Print the machines of the cloud; return the exit code. Raises DebstackError."""
    require_root()
    with errors_of_the_cloud():
        found = read_nodes(connect())
    found = in_cells(found, cells_of_hosts())
    if as_json:
        print(json.dumps([as_data(node) for node in found], indent=2))
    else:
        for node in found:
            print(line_of(node))
    return OK


def check_ours(node: str, service: Report) -> None:
    """Refuse where it was not debstack that disabled `service`. Raises DebstackError."""
    if service.reason == DRAINED:
        return
    why = f'for the reason "{service.reason}"' if service.reason else "without a reason"
    raise DebstackError(
        f"{node}: not drained by debstack, but disabled by somebody else, {why}",
        hint="if that is settled, run: openstack --os-cloud admin compute service set --enable "
        f"{shlex.quote(service.host)} {COMPUTE}",
    )


def _undo(cloud: Any, node: str, service: Report, *, dry_run: bool) -> int:
    if service.enabled:
        tell(f"nothing to do: {node} takes servers")
        return OK
    check_ours(node, service)
    enable = partial(cloud.compute.update_service, service.id, status="enabled")
    Doing(dry_run=dry_run)(f"let {node} take servers again", enable)
    return OK


def _tell_plan(moves: Sequence[Move]) -> int:
    for move in moves:
        way = move.obstacle or f"by {move.way or 'the move that has begun'}"
        print(f"would move {move.title}: {way}")
    return OK


def drain(name: str, *, undo: bool, dry_run: bool, wait_s: float) -> int:
    """Empty the compute node `name`, or let it take servers again; return the exit code.

    Raises DebstackError, with a line for each server that is still there.
    """
    require_root()
    with errors_of_the_cloud():
        cloud = connect()
        service = _compute_of(chosen(read_nodes(cloud), name))
        if undo:
            return _undo(cloud, name, service, dry_run=dry_run)
        if service.enabled:
            disable = partial(cloud.compute.update_service, service.id, status="disabled")
            let = f"let {name} take no more servers"
            Doing(dry_run=dry_run)(let, partial(disable, disabled_reason=DRAINED))
        # Listed when no new one can come.
        moves = plan_moves(servers_on(cloud, service.host))
        if dry_run:
            return _tell_plan(moves)
        if not moves:
            tell(f"{name} has no servers")
            return OK
        if not service.up:
            raise DebstackError(
                f"{name}: does not report, so that its {len(moves)} servers cannot be moved",
                hint="start it again; or, if it is lost, evacuate them: "
                "openstack --os-cloud admin server evacuate SERVER",
            )
        failures = Mover(cloud, service.host, refusal=refusal(), tell=tell).run(
            moves, wait_s=wait_s
        )
    if failures:
        raise DebstackError(
            f"{name}: {len(failures)} of {len(moves)} servers are still there"
            + "".join(f"\n    {failure}" for failure in failures),
            hint=f"then run again: debstack drain {name}",
        )
    tell(f"{name} has no servers any more")
    return OK


def _delete(cloud: Any, report: Report) -> None:
    # With the service of a compute node Nova deletes its mapping and its resource providers too.
    if report.area is Area.COMPUTE:
        cloud.compute.delete_service(report.id)
    else:
        cloud.network.delete_agent(report.id)


def check_forgettable(node: Node, servers: int) -> None:
    """Refuse for a machine that is there, or that has servers or volumes. Raises DebstackError."""
    up = sorted(report.binary for report in node.reports if report.up)
    if up:
        raise DebstackError(
            f"{node.name}: not gone: {', '.join(up)} still reports",
            hint="remove its packages or switch it off; it takes a minute until that is noticed",
        )
    if servers:
        raise DebstackError(
            f"{node.name}: has {servers} servers by the cloud's records",
            hint="evacuate or delete them first",
        )


def forget(name: str, *, dry_run: bool) -> int:
    """Remove what the cloud knows of the machine `name`; return the exit code.

    Raises DebstackError.
    """
    require_root()
    with errors_of_the_cloud():
        cloud = connect()
        found = read_nodes(cloud)
        doing = Doing(dry_run=dry_run)
        # A machine that has RabbitMQ users or a certificate may never have joined.
        joined = any(node.name == name for node in found)
        noted = name in passwords.held(_ROOT) or issued_path(_ROOT, name).exists()
        if joined or not noted:
            _forget_records(cloud, chosen(found, name), doing)
    with single_apply():
        doing.all(account_removals(read_machine(_ROOT), name))
    return OK


def forget_left(*, dry_run: bool) -> int:
    """Remove what is left of compute nodes that have left the cloud; return the exit code.

    Raises DebstackError.
    """
    require_root()
    with errors_of_the_cloud():
        cloud = connect()
        found = read_nodes(cloud)
        doing = Doing(dry_run=dry_run)
        gone = known.departures(known.read(_ROOT), found)
        for node in found:
            if node.name in gone.left:
                _forget_records(cloud, node, doing)
    with single_apply():
        for name in gone.left:
            doing.all(account_removals(read_machine(_ROOT), name))
        if not dry_run:
            known.note(_ROOT, gone.known)
    return OK


def _forget_records(cloud: Any, node: Node, doing: Doing) -> None:
    servers = servers_on(cloud, node.compute.host) if node.compute else []
    check_forgettable(node, len(servers))
    for report in node.reports:
        title = f"{report.binary} of {report.host}"
        if report.area is Area.VOLUME:
            # Cinder's API cannot.
            order = f"cinder-manage service remove {report.binary} {report.host}"
            tell(f"left: {title}; run: {order}")
        else:
            doing(f"remove {title}", partial(_delete, cloud, report))


def account_removals(machine: Machine, name: str) -> list[Change]:
    """Return the changes that delete the RabbitMQ users of the machine `name` and their passwords.

    The passwords go last: as long as they are there, the users are known. Raises MessagingError.
    """
    from debstack.runtime import rabbitmq

    certificate = issued_path(machine.root, name)
    told = f"delete {certificate}: its names may be given to another machine"
    gone = Change(summary=told, perform=partial(remove, certificate))
    certificates = [gone] if certificate.exists() else []
    if name not in machine.node_secrets:
        return certificates
    site = machine.context().site
    accounts = site.messaging_of_nodes
    users = [a.user for a in accounts if a.user == passwords.user_of(a.name, name)]
    changes = rabbitmq.removals([], users, local=site.broker.local) if users else []
    path = machine.root / passwords.path_of(name).lstrip("/")
    deleted = Change(summary=f"delete {path}", perform=partial(remove, path))
    return [*changes, *certificates, deleted]
