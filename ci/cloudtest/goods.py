# SPDX-License-Identifier: Apache-2.0
"""A volume with a file that is known by its checksum: loaded in one server, carried to another."""

from __future__ import annotations

from dataclasses import dataclass

from cloudtest import virtual
from testbed.node import Node

VOLUME = "goods"
#: The snapshot that is taken between the first file and the second.
SNAPSHOT = "before"
_WRITE = "dd if=/dev/urandom of=goods bs=1M count=16 2>/dev/null && sha256sum goods && sync"
_LOOK = "ls && sha256sum goods"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goods:
    """The volume, which is called VOLUME, and the checksum of the first file on it."""

    volume: str
    checksum: str

    def found(self, node: Node, address: str, volume: str) -> str:
        """Return what of it is on `volume`, as the server at `address` reads it.

        That is all, the snapshot (without the second file), or something else.
        """
        told = virtual.mounted(node, address, volume, _LOOK).split()
        *names, checksum, _ = told
        if checksum == self.checksum and names == ["goods", "later", "lost+found"]:
            return "all"
        if checksum == self.checksum and names == ["goods", "lost+found"]:
            return "the snapshot"
        return " ".join(told)


def load(node: Node, server: str, address: str) -> Goods:
    """Make the volume, attach it to `server`, at `address`, and write two files there.

    The snapshot SNAPSHOT is taken between them.
    """
    attach = {"act": "attach", "server": server, "volume": VOLUME}
    made = virtual.order_volumes(node, {"act": "create", "volume": VOLUME}, attach)
    written = virtual.mounted(node, address, made[VOLUME], _WRITE, empty=True).split()[0]
    virtual.order_volumes(node, {"act": "snapshot", "volume": VOLUME, "snapshot": SNAPSHOT})
    virtual.mounted(node, address, made[VOLUME], "echo later >later && sync")
    return Goods(volume=made[VOLUME], checksum=written)


def carry(node: Node, here: str, there: str) -> str:
    """Detach the volume from one server, and attach it to another one with a copy of the snapshot.

    Return the identifier of the copy, which is a volume.
    """
    copy = f"{VOLUME}-{SNAPSHOT}"
    made = virtual.order_volumes(
        node,
        {"act": "detach", "server": here, "volume": VOLUME},
        {"act": "attach", "server": there, "volume": VOLUME},
        {"act": "create", "volume": copy, "snapshot": SNAPSHOT},
        {"act": "attach", "server": there, "volume": copy},
    )
    return made[copy]
