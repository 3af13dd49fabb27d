# SPDX-License-Identifier: Apache-2.0
"""Where this machine is: its addresses, the names that it gives itself, its time zone.

Read from its own files and routes, never asked of a name server: the answer is the same each time.
"""

from __future__ import annotations

import functools
import socket
from collections.abc import Iterator
from pathlib import Path

#: Documentation addresses (RFC 5737, RFC 3849): the kernel picks a route, nothing is sent.
_PROBES = ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1"))
_ZONES = "zoneinfo/"


def route_addresses() -> Iterator[str]:
    """Yield the source addresses of the default routes, IPv4 first; none without a route."""
    for family, probe in _PROBES:
        with socket.socket(family, socket.SOCK_DGRAM) as endpoint:
            try:
                endpoint.connect((probe, 9))
            except OSError:
                continue
            address: str = endpoint.getsockname()[0]
            if not address.startswith("fe80"):
                yield address


def names_in(hosts: str, hostname: str) -> list[str]:
    """Return `hostname`, and the other names of its lines in `hosts`, the text of /etc/hosts."""
    found = {hostname: None}
    for line in hosts.splitlines():
        _address, *names = line.partition("#")[0].split() or [""]
        if hostname in names:
            found |= dict.fromkeys(names)
    return list(found)


@functools.cache
def host_names(root: Path = Path("/")) -> str:
    """Return the names and addresses that this machine gives itself, separated by commas."""
    try:
        hosts = (root / "etc/hosts").read_text(encoding="utf-8", errors="replace")
    except OSError:
        hosts = ""
    return ",".join([*names_in(hosts, socket.gethostname()), *route_addresses()])


@functools.cache
def time_zone(root: Path = Path("/")) -> str:
    """Return the time zone of this machine, such as Europe/Paris; UTC where none is set."""
    try:
        _before, found, zone = str((root / "etc/localtime").readlink()).partition(_ZONES)
    except OSError:
        return "UTC"
    return zone if found and zone else "UTC"
