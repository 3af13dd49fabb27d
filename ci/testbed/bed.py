# SPDX-License-Identifier: Apache-2.0
"""A testbed: nodes and networks that belong together and are removed together."""

from __future__ import annotations

import fcntl
import time
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self

from testbed import archive, ending, network, stage
from testbed.base import new_layer
from testbed.network import Interface, Network
from testbed.node import Node
from testbed.places import (
    STATE,
    TestbedError,
    cache,
    check_name,
    read_json,
    remove_tree,
    require_root,
    write_json,
)
from testbed.process import Identity, boot_id, myself, this_host
from testbed.record import Bind, Record

DEFAULT_NETWORK = "default"
_FOREIGN_AGE_S = 7 * 86400.0


class Testbed:
    """Nodes with names of their own and private networks between them.

    As a context manager it belongs to this process: everything goes at the end, and if this process
    is killed, the next clean-up removes it. Otherwise it stays until it is destroyed.
    """

    __test__ = False  # not a test class, whatever pytest thinks of its name

    def __init__(self, name: str = "default") -> None:
        require_root()
        self.name = check_name("testbed", name)
        self.state = STATE / name
        self._signals = ExitStack()

    def __enter__(self) -> Self:
        if (self.state / "bed.json").exists():
            if in_use(self.name):
                raise TestbedError(
                    f"testbed {self.name}: it is in use",
                    hint="see by what: python3 -m testbed list",
                )
            self.destroy_all()
        with self.locked():
            write_json(self.state / "bed.json", {"owner": myself().dump(), "boot": boot_id()})
        self._signals.enter_context(ending.in_order())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.destroy_all()
        self._signals.close()

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the lock of this testbed, whose state is made if there is none."""
        STATE.mkdir(mode=0o700, exist_ok=True)
        self.state.mkdir(mode=0o700, exist_ok=True)
        with (STATE / f".{self.name}.lock").open("w") as stream:
            fcntl.flock(stream, fcntl.LOCK_EX)
            self.state.mkdir(mode=0o700, exist_ok=True)
            if not (self.state / "bed.json").exists():
                write_json(self.state / "bed.json", {"owner": None, "boot": boot_id()})
            yield

    # -- nodes -----------------------------------------------------------------------------------

    def create(
        self,
        name: str,
        *,
        from_stage: str | None = None,
        binds: Sequence[Bind] = (),
        networks: Sequence[str] = (DEFAULT_NETWORK,),
        packages: Sequence[str] = (),
        repository: Path | None = None,
        durable: bool = False,
    ) -> Node:
        """Make the node `name`, switched off, from the base or `from_stage`, and return it.

        It has an interface eth0, eth1, … on each of `networks`, made as needed. `packages` can be
        installed in it without a network; of `repository`, the folder of a signed apt repository,
        too. With `durable` its writes reach the disk when it asks for that, as on a real machine,
        and it is slower. Raises TestbedError where the node exists or the stage does not.
        """
        check_name("node", name)
        supply = archive.supply(packages, repository=repository)
        layers = supply.layers
        if from_stage:  # its lists are its own, but our repository may have changed since
            below = stage.layers_of(from_stage)
            # the kernel refuses an overlay with the same layer twice
            layers = (*(one for one in layers[:-2] if one not in below), *below)
        with self.locked():
            node = Node(bed=self.name, name=name)
            if (node.state / "node.json").exists():
                raise TestbedError(
                    f"testbed {self.name}: node {name} exists already",
                    hint=f"destroy it: python3 -m testbed --bed {self.name} destroy {name}",
                )
            remove_tree(node.state)
            node.state.mkdir(parents=True, mode=0o700)
            directory = cache("nodes") / f"{self.name}.{name}.{uuid.uuid4().hex[:8]}"
            record = Record(
                bed=self.name,
                name=name,
                layers=tuple(str(path) for path in layers),
                directory=str(directory),
                binds=(*supply.binds, *binds),
                durable=durable,
            )
            write_json(node.state / "node.json", record.dump())
            new_layer(directory / "upper")
            write_json(directory / "host.json", this_host())
            _write_identity(directory / "upper", name, fresh=from_stage is None)
            network.ensure_node_namespace(self.name, name)
            interfaces = [self._plug(name, i, one) for i, one in enumerate(networks)]
            node.save(interfaces=tuple(interfaces))
            self._write_hosts()
        return node

    def node(self, name: str) -> Node:
        """Return the node `name`; raises TestbedError if there is none."""
        node = Node(bed=self.name, name=name)
        _ = node.record  # which complains if there is none
        return node

    def nodes(self) -> list[Node]:
        """Return all nodes of this testbed, by name."""
        found = sorted((self.state / "nodes").glob("*/node.json"))
        return [self.node(path.parent.name) for path in found]

    def destroy(self, name: str) -> None:
        """Remove the node `name` with all that is in it."""
        with self.locked():
            self.node(name).remove()
            self._write_hosts()

    def destroy_all(self) -> None:
        """Remove every node and network of this testbed, and all that is known of it."""
        with self.locked():
            for node in self.nodes():
                node.remove()
            for namespace in network.namespaces(self.name):
                network.remove_namespace(namespace)
            for left in left_folders(self.name):
                remove_tree(left)
            remove_tree(self.state)

    # -- networks --------------------------------------------------------------------------------

    def _network(self, name: str) -> Network:
        """Return the network `name`, made if it does not exist."""
        check_name("network", name)
        path = self.state / "networks.json"
        known: list[str] = read_json(path) or []
        if name not in known:
            known.append(name)
            write_json(path, known)
        made = Network(bed=self.name, name=name, index=known.index(name))
        network.ensure_network(made)
        return made

    def _plug(self, node: str, position: int, name: str) -> Interface:
        made = self._network(name)
        host = network.free_host(
            [one.host for one in self._interfaces() if one.network == name], name
        )
        interface = Interface(
            network=name,
            device=f"eth{position}",
            host=host,
            address=made.address(host),
            address6=made.address6(host),
        )
        network.plug(interface, made, node, default=position == 0)
        return interface

    def _interfaces(self) -> list[Interface]:
        return [interface for node in self.nodes() for interface in node.record.interfaces]

    def _write_hosts(self) -> None:
        """Tell every node the names and addresses of the nodes on its networks."""
        nodes = self.nodes()
        for node in nodes:
            text = hosts_text(node.record, [one.record for one in nodes])
            if node.running():
                node.write_file("/etc/hosts", text)
            else:
                (_own_etc(node.directory / "upper") / "hosts").write_text(text, encoding="utf-8")


def left_folders(bed: str = "*") -> list[Path]:
    """Return the folders in the cache of nodes of `bed` that no node of this host has any more.

    A container that shares our cache may have nodes too, which are not known here: its folders
    are left to it, unless they are so old that it must be gone.
    """
    known = {
        content["directory"]
        for path in STATE.glob("*/nodes/*/node.json")
        if (content := read_json(path))
    }
    found = []
    for path in cache("nodes").glob(f"{bed}.*"):
        host = read_json(path / "host.json") or this_host()
        others = host["processes"] != this_host()["processes"]
        fresh = time.time() - path.stat().st_mtime < _FOREIGN_AGE_S
        if str(path) not in known and not (others and fresh):
            found.append(path)
    return sorted(found)


def in_use(bed: str) -> bool:
    """Return whether the testbed `bed` is wanted: its owner lives, or it has none on purpose."""
    content = read_json(STATE / bed / "bed.json")
    if content is None or content["boot"] != boot_id():
        return False
    owner = Identity.load(content["owner"])
    return owner is None or owner.alive()


def hosts_text(record: Record, everyone: Sequence[Record]) -> str:
    """Return /etc/hosts for `record`: the names of all nodes as seen from its networks."""
    lines = ["127.0.0.1 localhost", "::1 localhost ip6-localhost ip6-loopback"]
    mine = {interface.network for interface in record.interfaces}
    for other in everyone:
        for interface in other.interfaces:
            if interface.network in mine:
                names = other.name
                if interface is not other.interfaces[0]:
                    names = f"{other.name}-{interface.network}"
                lines += [f"{interface.address} {names}", f"{interface.address6} {names}"]
    return "\n".join(lines) + "\n"


def _write_identity(upper: Path, name: str, *, fresh: bool) -> None:
    """Write what tells this node from others; one from a stage keeps its machine-id and journal."""
    etc = _own_etc(upper)
    (etc / "hostname").write_text(f"{name}\n", encoding="utf-8")
    if fresh:
        (etc / "machine-id").write_text(f"{uuid.uuid4().hex}\n", encoding="utf-8")
        (etc / "machine-id").chmod(0o444)


def _own_etc(upper: Path) -> Path:
    """Return /etc in a node's own layer, made if it has none, for writing while it is off."""
    etc = upper / "etc"
    etc.mkdir(exist_ok=True)
    etc.chmod(0o755)
    return etc
