# SPDX-License-Identifier: Apache-2.0
"""The objects of an NVMe target: subsystems with namespaces, ports that offer them, and hosts.

An object is looked up, made, or either, by its `mode`: `lookup`, `create` or `any`. `setup` makes
one with all that belongs to it, from a mapping; `dump` returns such a mapping. What `setup`,
`delete`, `add_subsystem` and `remove_subsystem` leave is written down, and is made again when the
machine starts (see `nvmet.restore`); `make` is `setup` without that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from nvmet import kernel, memory, tree
from nvmet.node import (
    Attributes,
    Node,
    free,
    named,
    numbered,
    removed_if_it_fails,
)
from nvmet.tree import CFSError, CFSNotFound

__all__ = [
    "ANAGroup",
    "CFSError",
    "CFSNotFound",
    "Host",
    "Namespace",
    "Port",
    "Referral",
    "Root",
    "Subsystem",
]

ErrorFunction = Callable[[str], None] | None
#: Attributes of what has an address.
_ADDRESS = ("trtype", "adrfam", "traddr", "trsvcid", "treq")


@contextmanager
def lasting(err_func: ErrorFunction = None) -> Iterator[None]:
    """Write down what there is afterwards; tell `err_func`, where there is one, what goes wrong."""
    try:
        yield
        memory.store(Root().dump)
    except CFSError as error:
        if err_func is None:
            raise
        err_func(str(error))


class Lasting(Node):
    """What is written down when it goes, too."""

    def delete(self) -> None:
        """Remove it, and what belongs to it."""
        with lasting():
            self.remove()


class Root(Lasting):
    """All NVMe targets of this machine's kernel."""

    def __init__(self) -> None:
        # Without the kernel's module there are no targets; only making one needs it.
        self._path = tree.top()
        self.new = False

    @property
    def subsystems(self) -> Iterator[Subsystem]:
        """The subsystems."""
        for name in tree.listed(self._path / "subsystems"):
            yield Subsystem(nqn=name)

    @property
    def ports(self) -> Iterator[Port]:
        """The ports."""
        for name in tree.listed(self._path / "ports"):
            yield Port(portid=int(name))

    @property
    def hosts(self) -> Iterator[Host]:
        """The hosts that are known by name."""
        for name in tree.listed(self._path / "hosts"):
            yield Host(nqn=name)

    def remove(self) -> None:
        """Remove all targets."""
        for node in (*self.ports, *self.subsystems, *self.hosts):
            node.remove()

    def dump(self) -> dict[str, Any]:
        """Return all of it."""
        return {
            "hosts": [host.dump() for host in self.hosts],
            "subsystems": [subsystem.dump() for subsystem in self.subsystems],
            "ports": [port.dump() for port in self.ports],
        }


class Host(Lasting):
    """A host that subsystems can be offered to by name."""

    def __init__(self, nqn: str | None = None, mode: str = "lookup") -> None:
        self.nqn = named(nqn, mode)
        super().__init__(tree.top() / "hosts" / self.nqn, mode)

    @classmethod
    def setup(cls, t: Mapping[str, Any], err_func: ErrorFunction = None) -> None:
        """Make the host that `t` describes, if there is none."""
        with lasting(err_func):
            Host.make(t)

    @staticmethod
    def make(data: Mapping[str, Any]) -> None:
        """Make the host that `data` describes, if there is none."""
        Host(nqn=data["nqn"], mode="any")

    def remove(self) -> None:
        """Take it from the subsystems that it may use, and remove it."""
        for subsystem in Root().subsystems:
            if self.nqn in subsystem.allowed_hosts:
                subsystem._drop_host(self.nqn)
        super().remove()

    def dump(self) -> dict[str, Any]:
        """Return what `setup` makes it from."""
        return {"nqn": self.nqn}


class Subsystem(Lasting):
    """What a host connects to: a name, and block devices in it."""

    attributes: ClassVar[Attributes] = {"attr": ("allow_any_host", "serial", "model")}

    def __init__(self, nqn: str | None = None, mode: str = "lookup") -> None:
        self.nqn = named(nqn, mode)
        super().__init__(tree.top() / "subsystems" / self.nqn, mode)

    @property
    def namespaces(self) -> Iterator[Namespace]:
        """Its namespaces."""
        for name in tree.listed(self._path / "namespaces"):
            yield Namespace(subsystem=self, nsid=int(name))

    @property
    def allowed_hosts(self) -> list[str]:
        """The names of the hosts that may connect where not every host may."""
        return tree.listed(self._path / "allowed_hosts")

    def add_allowed_host(self, nqn: str) -> None:
        """Let the host of that name connect."""
        with lasting():
            self._add_host(nqn)

    def remove_allowed_host(self, nqn: str) -> None:
        """Let the host of that name no longer connect."""
        with lasting():
            self._drop_host(nqn)

    def _add_host(self, nqn: str) -> None:
        tree.link(self._path / "allowed_hosts" / nqn, Path(Host(nqn=nqn).path))

    def _drop_host(self, nqn: str) -> None:
        tree.unlink(self._path / "allowed_hosts" / nqn)

    @classmethod
    def setup(cls, t: Mapping[str, Any], err_func: ErrorFunction = None) -> None:
        """Make the subsystem that `t` describes, or what is missing of it."""
        with lasting(err_func):
            Subsystem.make(t)

    @staticmethod
    def make(data: Mapping[str, Any]) -> None:
        """Make the subsystem that `data` describes, or what is missing of it."""
        made = Subsystem(nqn=data["nqn"], mode="any")
        with removed_if_it_fails(made):
            # Those of one that is at work are as they are: hosts have read them.
            if made.new:
                made.set_groups(data)
            for nqn in sorted(set(data.get("allowed_hosts", ())) - set(made.allowed_hosts)):
                made._add_host(nqn)
            for namespace in data.get("namespaces", ()):
                Namespace.make(made, namespace)

    def remove(self) -> None:
        """Take it from the ports that offer it, and remove it with its namespaces."""
        for port in Root().ports:
            if self.nqn in port.subsystems:
                port._drop(self.nqn)
        for namespace in self.namespaces:
            namespace.remove()
        for nqn in self.allowed_hosts:
            self._drop_host(nqn)
        super().remove()

    def dump(self) -> dict[str, Any]:
        """Return what `setup` makes it from."""
        return {
            "nqn": self.nqn,
            **self.groups(),
            "allowed_hosts": self.allowed_hosts,
            "namespaces": [namespace.dump() for namespace in self.namespaces],
        }


class Namespace(Lasting):
    """A block device in a subsystem."""

    #: Of what Linux lets one be numbered, so much is of use: it has no more of them at a time.
    MAX_NSID = 8192
    attributes: ClassVar[Attributes] = {"device": ("path", "uuid", "nguid"), "ana": ("grpid",)}

    def __init__(
        self, subsystem: Subsystem, nsid: int | str | None = None, mode: str = "lookup"
    ) -> None:
        folder = Path(subsystem.path) / "namespaces"
        if nsid is None:
            if mode != "create":
                raise CFSError(f"nsid: needed for the mode {mode}")
            nsid = free(tree.listed(folder))
        self.subsystem = subsystem
        self.nsid = numbered(nsid, "nsid", mode, self.MAX_NSID)
        super().__init__(folder / str(self.nsid), mode)

    @classmethod
    def setup(cls, subsys: Subsystem, n: Mapping[str, Any], err_func: ErrorFunction = None) -> None:
        """Make the namespace that `n` describes in `subsys`."""
        with lasting(err_func):
            Namespace.make(subsys, n)

    @staticmethod
    def make(subsystem: Subsystem, data: Mapping[str, Any]) -> None:
        """Make the namespace that `data` describes, or what is missing of it."""
        mode = "create" if data.get("nsid") is None else "any"
        made = Namespace(subsystem=subsystem, nsid=data.get("nsid"), mode=mode)
        wanted = data.get("device", {}).get("path")
        if made.get_enable():
            found = made.get_attr("device", "path")
            if found != wanted:
                raise CFSError(f"{made.path}: expected {wanted} behind it, found {found}")
            return
        with removed_if_it_fails(made, about=f"the device is {wanted}"):
            made.set_groups(data)
            made.set_enable(int(data.get("enable", 0)))

    def remove(self) -> None:
        """Disable and remove it."""
        if self.get_enable():
            self.set_enable(0)
        super().remove()

    def dump(self) -> dict[str, Any]:
        """Return what `setup` makes it from."""
        return {"nsid": self.nsid, **self.groups(), "enable": int(self.get_enable())}


class Port(Lasting):
    """An address at which subsystems are offered."""

    #: Numbers of 16 bits.
    MAX_PORTID = 65535
    attributes: ClassVar[Attributes] = {"addr": _ADDRESS}

    def __init__(self, portid: int | str, mode: str = "lookup") -> None:
        self.portid = numbered(portid, "portid", mode, self.MAX_PORTID, lowest=0)
        super().__init__(tree.top() / "ports" / str(self.portid), mode)

    @property
    def subsystems(self) -> list[str]:
        """The names of the subsystems that it offers."""
        return tree.listed(self._path / "subsystems")

    @property
    def referrals(self) -> Iterator[Referral]:
        """What it refers hosts to."""
        for name in tree.listed(self._path / "referrals"):
            yield Referral(port=self, name=name)

    @property
    def ana_groups(self) -> Iterator[ANAGroup]:
        """Its groups for asymmetric access."""
        for name in tree.listed(self._path / "ana_groups"):
            yield ANAGroup(port=self, grpid=int(name))

    def add_subsystem(self, nqn: str) -> None:
        """Offer the subsystem of that name, too."""
        with lasting():
            self._add(nqn)

    def remove_subsystem(self, nqn: str) -> None:
        """No longer offer the subsystem of that name; hosts that use it lose it."""
        with lasting():
            self._drop(nqn)

    def _add(self, nqn: str) -> None:
        # The kernel listens from the first one on.
        subsystem = Subsystem(nqn=nqn)
        tree.link(self._path / "subsystems" / nqn, Path(subsystem.path))

    def _drop(self, nqn: str) -> None:
        tree.unlink(self._path / "subsystems" / nqn)

    @classmethod
    def setup(cls, root: Root, n: Mapping[str, Any], err_func: ErrorFunction = None) -> None:
        """Make the port that `n` describes, or what is missing of it."""
        with lasting(err_func):
            Port.make(n)

    @staticmethod
    def make(data: Mapping[str, Any]) -> None:
        """Make the port that `data` describes, or what is missing of it."""
        address = data.get("addr", {})
        made = Port(portid=data["portid"], mode="any")
        kind, where = (address.get(name) for name in ("trtype", "traddr"))
        about = f"the address is {where}, port {address.get('trsvcid')}, by {kind}"
        with removed_if_it_fails(made, about=about):
            kernel.ensure_transport(str(kind))
            # It cannot be changed while anything is offered there.
            if not made.subsystems:
                made.set_groups(data)
            for group in data.get("ana_groups", ()):
                ANAGroup.make(made, group)
            for referral in data.get("referrals", ()):
                Referral.make(made, referral)
            for nqn in data.get("subsystems", ()):
                if nqn not in made.subsystems:
                    made._add(nqn)

    def remove(self) -> None:
        """Offer nothing any more, and remove it with what belongs to it."""
        for nqn in self.subsystems:
            self._drop(nqn)
        for node in (*self.referrals, *self.ana_groups):
            node.remove()
        super().remove()

    def dump(self) -> dict[str, Any]:
        """Return what `setup` makes it from."""
        return {
            "portid": self.portid,
            **self.groups(),
            "subsystems": self.subsystems,
            "referrals": [referral.dump() for referral in self.referrals],
            "ana_groups": [group.dump() for group in self.ana_groups],
        }


class Referral(Lasting):
    """The address of another machine's targets, which a port tells hosts of."""

    attributes: ClassVar[Attributes] = {
        "addr": ("trtype", "adrfam", "traddr", "trsvcid", "treq", "portid")
    }

    def __init__(self, port: Port, name: str, mode: str = "lookup") -> None:
        self.port = port
        self.name = name
        super().__init__(Path(port.path) / "referrals" / name, mode)

    @classmethod
    def setup(cls, port: Port, n: Mapping[str, Any], err_func: ErrorFunction = None) -> None:
        """Make the referral that `n` describes."""
        with lasting(err_func):
            Referral.make(port, n)

    @staticmethod
    def make(port: Port, data: Mapping[str, Any]) -> None:
        """Make the referral that `data` describes; one that is enabled stays as it is."""
        made = Referral(port=port, name=data["name"], mode="any")
        if not made.get_enable():
            made.set_groups(data)
            made.set_enable(int(data.get("enable", 1)))

    def dump(self) -> dict[str, Any]:
        """Return what `setup` makes it from."""
        return {"name": self.name, **self.groups(), "enable": int(self.get_enable())}


class ANAGroup(Lasting):
    """A group of namespaces that a port is a better or a worse way to."""

    #: NVMET_MAX_ANAGRPS of Linux; the first one is there with each port.
    MAX_GRPID = 128
    _DEFAULT = 1
    attributes: ClassVar[Attributes] = {"ana": ("state",)}

    def __init__(self, port: Port, grpid: int | str, mode: str = "lookup") -> None:
        self.port = port
        self.grpid = numbered(grpid, "grpid", mode, self.MAX_GRPID)
        super().__init__(Path(port.path) / "ana_groups" / str(self.grpid), mode)

    @classmethod
    def setup(cls, port: Port, n: Mapping[str, Any], err_func: ErrorFunction = None) -> None:
        """Make the group that `n` describes."""
        with lasting(err_func):
            ANAGroup.make(port, n)

    @staticmethod
    def make(port: Port, data: Mapping[str, Any]) -> None:
        """Make the group that `data` describes, and set its state."""
        ANAGroup(port=port, grpid=data["grpid"], mode="any").set_groups(data)

    def remove(self) -> None:
        """Remove it."""
        # The kernel's own goes with the port.
        if self.grpid != self._DEFAULT:
            super().remove()

    def dump(self) -> dict[str, Any]:
        """Return what `setup` makes it from."""
        return {"grpid": self.grpid, **self.groups()}
