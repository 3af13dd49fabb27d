# SPDX-License-Identifier: Apache-2.0
"""How the servers of a compute node leave it: which way each, and whether it has arrived."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

INTERVAL_S = 2.0


class Way(StrEnum):
    """How a server moves: as it runs, or switched off."""

    LIVE = "live"
    COLD = "cold"


_WAYS = {"ACTIVE": Way.LIVE, "PAUSED": Way.LIVE, "SHUTOFF": Way.COLD}
#: What is on its way already needs no order.
_MOVING = frozenset({"MIGRATING", "RESIZE"})
_TO_CONFIRM = "VERIFY_RESIZE"


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """One server that is to leave, or that cannot: then `obstacle` says why."""

    id: str
    name: str
    way: Way | None = None
    obstacle: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return f"{self.name} ({self.id})"


def plan_moves(servers: Iterable[Any]) -> list[Move]:
    """Return how each of `servers` is to leave. Pure."""
    found = []
    for server in servers:
        way = _WAYS.get(server.status)
        obstacle = ""
        if way is None and server.status == _TO_CONFIRM:
            obstacle = "it was resized: confirm or revert that first"
        elif way is None and server.status not in _MOVING:
            obstacle = f"a server that is {server.status} cannot be moved"
        found.append(Move(id=server.id, name=server.name, way=way, obstacle=obstacle))
    return sorted(found, key=lambda move: (move.name, move.id))


def arrived(server: Any, node: str) -> bool | None:
    """Return whether `server` has left `node`; None while it is moving. Pure."""
    if server.status == "ERROR":
        return False
    if server.task_state or server.status in _MOVING:
        return None
    return bool(server.compute_host != node)


class Mover:
    """Moves servers away from a node, all at once, and waits for each.

    `refusal` is what the client library raises where the cloud refuses.
    """

    def __init__(
        self, cloud: Any, node: str, *, refusal: type[Exception], tell: Callable[[str], None]
    ) -> None:
        self._cloud = cloud
        self._node = node
        self._refusal = refusal
        self._tell = tell

    def _order(self, move: Move) -> str:
        """Order the move; return why the cloud refused."""
        try:
            if move.way is Way.LIVE:
                self._cloud.compute.live_migrate_server(move.id)
            elif move.way is Way.COLD:
                self._cloud.compute.migrate_server(move.id)
        except self._refusal as error:
            return " ".join(str(error).split())
        return ""

    def _look(self, move: Move) -> bool | None:
        server = self._cloud.compute.find_server(move.id, all_projects=True)
        if server is None:
            return True
        done = arrived(server, self._node)
        if done and server.status == _TO_CONFIRM:
            self._cloud.compute.confirm_server_resize(move.id)
            return None
        return done

    def run(self, moves: Sequence[Move], *, wait_s: float) -> list[str]:
        """Move what can be moved; return one message for each server that is still there."""
        failed = {move: move.obstacle for move in moves if move.obstacle}
        waiting = []
        for move in moves:
            if move in failed:
                continue
            refused = self._order(move)
            if refused:
                failed[move] = refused
            else:
                waiting.append(move)
        deadline = time.monotonic() + wait_s
        while waiting and time.monotonic() < deadline:
            for move in list(waiting):
                done = self._look(move)
                if done is None:
                    continue
                waiting.remove(move)
                if done:
                    self._tell(f"moved {move.title}; {len(waiting)} to go")
                else:
                    failed[move] = f"see: openstack --os-cloud admin server event list {move.id}"
            if waiting:
                time.sleep(INTERVAL_S)
        for move in waiting:
            failed[move] = f"still moving after {wait_s:.0f} s"
        return [f"server {move.title} was not moved: {why}" for move, why in failed.items()]
