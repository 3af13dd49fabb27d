# SPDX-License-Identifier: Apache-2.0
"""cache:memcached: whether the memcached of this machine answers."""

from __future__ import annotations

import logging
import socket
from collections.abc import Sequence

from debstack.base.errors import CacheUnavailable
from debstack.runtime.context import Context
from debstack.runtime.step import Change, Step
from debstack.runtime.urls import split_host_port

log = logging.getLogger(__name__)

PORT = 11211
TIMEOUT_S = 3.0


def _asked(server: str, command: bytes) -> str:
    host, port = split_host_port(server, PORT)
    try:
        with socket.create_connection((host, port), timeout=TIMEOUT_S) as connection:
            connection.sendall(command + b"\r\n")
            return connection.recv(256).decode("ascii", "replace").strip()
    except OSError as error:
        raise CacheUnavailable(
            f"memcached at {server}: cannot be reached ({error})",
            hint="start it (systemctl start memcached), then run: debstack apply",
        ) from error


def memcached_version(server: str) -> str:
    """Return what the memcached at `server` (host:port) says it is. Raises CacheUnavailable."""
    answer = _asked(server, b"version")
    if not answer.startswith("VERSION "):
        raise CacheUnavailable(
            f"memcached at {server}: expected its version, found {answer!r}",
            hint="something else listens there; see openstack/memcached-servers",
        )
    return answer.removeprefix("VERSION ")


def empty_caches(servers: Sequence[str]) -> None:
    """Make the memcached at each of `servers` forget everything; one that is down is told."""
    for server in servers:
        try:
            _asked(server, b"flush_all")
        except CacheUnavailable as error:
            log.warning("%s: what it holds was not deleted", error.message)


class MemcachedStep(Step):
    """The local memcached has nothing to be set up; it has to be there before what uses it."""

    id = "cache:memcached"
    needs = frozenset({"server:memcached"})

    def __init__(self, servers: Sequence[str]) -> None:
        self._servers = servers

    def changes(self) -> Sequence[Change]:
        """See Step. Raises CacheUnavailable."""
        for server in self._servers:
            memcached_version(server)
        return []

    def declared(self) -> Sequence[str]:
        """See Step."""
        return []


def build(context: Context) -> list[Step]:
    """Return the step, where the memcached of this machine is the one in use."""
    site = context.site
    return [MemcachedStep(site.memcached_servers)] if site.memcached_local else []
