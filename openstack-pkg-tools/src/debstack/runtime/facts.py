# SPDX-License-Identifier: Apache-2.0
"""What this machine is: its address, size, and the servers installed on it. Changes nothing."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from debstack.runtime.detect import TRAITS
from debstack.runtime.whereabouts import route_addresses

_SERVERS: dict[str, tuple[str, ...]] = {
    "mariadb": ("usr/sbin/mariadbd", "usr/sbin/mysqld"),
    "postgresql": ("usr/lib/postgresql/*/bin/postgres",),
    "rabbitmq": ("usr/sbin/rabbitmq-server",),
    "memcached": ("usr/bin/memcached",),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """The facts that resolving and planning use."""

    hostname: str
    #: The address that the default route leaves from; 127.0.0.1 where there is no route.
    primary_address: str
    cpus: int
    memory_mib: int
    #: Which of mariadb, postgresql, rabbitmq and memcached are installed (at least unpacked).
    servers: frozenset[str]
    #: Whether systemd runs this machine.
    init: bool
    #: What it can do, by the name of its reference; found out when it is asked for.
    traits: Mapping[str, Callable[[], str]] = field(default_factory=dict)


def primary_address() -> str:
    """Return the source address of the default route, IPv4 first; 127.0.0.1 if there is none."""
    return next(route_addresses(), "127.0.0.1")


def can_bind(address: str) -> bool:
    """Say whether a service of this machine can listen at `address`."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as endpoint:
        try:
            endpoint.bind((address, 0))
        except OSError:
            return False
    return True


def _first_number(path: Path) -> int | None:
    try:
        word = path.read_text(encoding="ascii").split()[0]
    except (OSError, IndexError):
        return None
    return int(word) if word.isdecimal() else None


def memory_mib(root: Path = Path("/")) -> int:
    """Return the memory that this machine may use, in MiB: what it has, or its cgroup's limit."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2**20
    limit = _first_number(root / "sys/fs/cgroup/memory.max")
    return min(total, limit // 2**20) if limit is not None else total


def installed_servers(root: Path = Path("/")) -> frozenset[str]:
    """Return the names of the servers whose programs are on this machine."""
    return frozenset(
        name
        for name, patterns in _SERVERS.items()
        if any(next(root.glob(pattern), None) is not None for pattern in patterns)
    )


def gather(root: Path = Path("/"), address: Callable[[], str] = primary_address) -> Facts:
    """Return the facts of the machine whose file system is at `root`."""
    return Facts(
        hostname=socket.gethostname(),
        primary_address=address(),
        cpus=len(os.sched_getaffinity(0)),
        memory_mib=memory_mib(),
        servers=installed_servers(root),
        init=Path("/run/systemd/system").is_dir(),
        traits=TRAITS,
    )
