# SPDX-License-Identifier: Apache-2.0
"""Which TCP ports of this machine are open at every address. Reads /proc/net; changes nothing."""

from __future__ import annotations

from pathlib import Path

_LISTEN = "0A"


def parse(text: str) -> set[int]:
    """Return the ports of a /proc/net/tcp or tcp6 that listen at the wildcard address."""
    ports = set()
    for line in text.splitlines()[1:]:
        fields = line.split()
        if len(fields) < 4 or fields[3] != _LISTEN:
            continue
        address, _, port = fields[1].partition(":")
        if set(address) == {"0"}:
            ports.add(int(port, 16))
    return ports


def wildcard_ports(root: Path = Path("/")) -> set[int]:
    """Return the TCP ports that are open at every address of this machine."""
    found: set[int] = set()
    for name in ("tcp", "tcp6"):
        path = root / "proc/net" / name
        if path.exists():
            found |= parse(path.read_text(encoding="ascii"))
    return found
