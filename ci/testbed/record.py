# SPDX-License-Identifier: Apache-2.0
"""What is written down about a node, and the command line that follows from it."""

from __future__ import annotations

import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from testbed import network
from testbed.network import Interface
from testbed.process import Identity


@dataclass(frozen=True, slots=True, kw_only=True)
class Bind:
    """A folder or file of the host that is shown in a node."""

    source: Path
    target: str
    read_only: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """What is written down about a node."""

    bed: str
    name: str
    #: Layers below the node's own, uppermost first.
    layers: tuple[str, ...]
    #: The node's own folder in the cache.
    directory: str
    interfaces: tuple[Interface, ...] = ()
    binds: tuple[Bind, ...] = ()
    #: Writes reach the disk when the node asks for it; otherwise the kernel takes its time.
    durable: bool = False

    def dump(self) -> dict[str, Any]:
        """Return what `load` reads."""
        content = asdict(self)
        for bind in content["binds"]:
            bind["source"] = os.fspath(bind["source"])
        return content

    @classmethod
    def load(cls, content: dict[str, Any]) -> Record:
        """Return the record that `dump` wrote."""
        fields = dict(content)
        fields["layers"] = tuple(fields["layers"])
        fields["interfaces"] = tuple(Interface.load(one) for one in fields["interfaces"])
        fields["binds"] = tuple(
            Bind(**{**one, "source": Path(one["source"])}) for one in fields["binds"]
        )
        return cls(**fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """What a booted node runs as, on the host."""

    supervisor: Identity
    leader: Identity
    cgroup: Path
    #: Device number of the node's root file system, by which its loop devices are found.
    device: int

    def dump(self) -> dict[str, Any]:
        """Return what `load` reads."""
        return {**asdict(self), "cgroup": os.fspath(self.cgroup)}

    @classmethod
    def load(cls, content: dict[str, Any]) -> Running:
        """Return what `dump` wrote."""
        return cls(
            supervisor=Identity(**content["supervisor"]),
            leader=Identity(**content["leader"]),
            cgroup=Path(content["cgroup"]),
            device=content["device"],
        )


def nspawn_argv(record: Record, root: Path) -> list[str]:
    """Return the command line that boots `record`, its root file system mounted at `root`."""
    argv = ["systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"]
    argv += [f"--directory={root}", f"--machine={record.bed}-{record.name}"]
    argv += [f"--hostname={record.name}", "--notify-ready=yes"]
    argv += ["--resolv-conf=off", "--timezone=off", "--link-journal=no", "--console=read-only"]
    namespace = network.namespace_name(record.bed, "node", record.name)
    argv += [f"--network-namespace-path={network.namespace_path(namespace)}"]
    argv += ["--capability=all", "--bind=/dev/net/tun"]
    argv += ["--system-call-filter=@keyring @module bpf perf_event_open"]
    for bind in record.binds:
        option = "--bind-ro" if bind.read_only else "--bind"
        argv += [f"{option}={bind.source}:{bind.target}"]
    return argv
