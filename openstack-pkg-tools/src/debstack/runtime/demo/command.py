# SPDX-License-Identifier: Apache-2.0
"""The command debstack demo: makes what is missing, or takes it all away; twice does no harm.

A machine makes what it can: the things in the cloud where its administrator is known, and the way
to the outside where routers lead there. On a cloud of several machines these may be two.
"""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debstack.base.errors import DebstackError
from debstack.base.main import OK
from debstack.runtime import answers, manifests
from debstack.runtime.connection import connect, errors_of_the_cloud
from debstack.runtime.demo import cloud, host
from debstack.runtime.doing import Doing, tell
from debstack.runtime.files import read_text
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import require_root
from debstack.runtime.preseed import Preseed
from debstack.runtime.steps.clouds import CLOUDS

RANGE = "172.24.4.0/24"
_SMALLEST = 28


def parsed_range(text: str) -> host.Network:
    """Return the network that `text` names. Raises DebstackError for what cannot be one."""
    try:
        found = ipaddress.IPv4Network(text)
    except ValueError as error:
        raise DebstackError(
            f"--external-range: expected an IPv4 network such as {RANGE}, found {text} ({error})"
        ) from error
    if found.prefixlen > _SMALLEST:
        raise DebstackError(
            f"--external-range: {text} is too small",
            hint=f"give it a prefix of /{_SMALLEST} or shorter",
        )
    return found


def has_interface(name: str) -> bool:
    """Return whether this machine has the network interface `name`."""
    return name in (found for _index, found in socket.if_nameindex())


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """What the demo is to be like, and which part of it this machine can make."""

    wish: cloud.Wish
    #: Whether routers lead to the outside here.
    gateway: bool
    #: Whether the cloud's administrator is known here.
    administers: bool


def _place(external_range: str) -> Place:
    root = Path("/")
    known = manifests.known_questions(manifests.read_manifests(root))
    given = Preseed.parse(read_text(Path(answers.SITE_FILE)) or "").values()
    effective = answers.effective(known, given)
    bridge = effective.get("neutron/provider-bridge")
    network = effective.get("neutron/provider-network")
    if not bridge or not network:
        raise DebstackError(
            "there is no Neutron on this machine, and debstack demo needs its provider bridge",
            hint="run it on the machine with the network gateway; "
            "or: apt-get install openstack-all-in-one",
        )
    return Place(
        wish=cloud.Wish(
            outside=host.Outside(bridge=bridge, range=parsed_range(external_range)),
            physical_network=network,
        ),
        gateway=effective.get("neutron/gateway") == "true" and has_interface(bridge),
        administers=Path(CLOUDS).exists(),
    )


def _outside(place: Place, doing: Doing) -> None:
    if place.gateway:
        doing.all(host.additions(place.wish.outside))
        return
    told = place.wish.outside.range
    option = "" if str(told) == RANGE else f" --external-range {told}"
    tell(
        "routers lead to the outside on another machine, that of openstack-proxy: run there:"
        f" debstack demo{option}; and send what is for {told} there: ip route add {told} via PROXY"
    )


def _make(connection: Any, place: Place, doing: Doing, *, dry_run: bool) -> None:
    wish = place.wish
    doing.all(host.key_additions())
    external = cloud.ExternalNetwork(connection, wish)
    if external.ours() is not None or external.find() is None:
        _outside(place, doing)
    missing = False
    for thing in cloud.things(connection, wish):
        # In a dry run what comes after something missing cannot be looked for: it is missing too.
        found = None if dry_run and missing else thing.find()
        if found is None:
            missing = True
            doing(f"make {thing.title}", thing.make)


def _remove(connection: Any, wish: cloud.Wish, doing: Doing) -> None:
    for thing in reversed(cloud.things(connection, wish)):
        found = thing.ours()
        if found is not None:
            doing(f"delete {thing.title}", lambda t=thing, f=found: t.delete(f))  # type: ignore[misc]
    doing.all(host.removals())


def _tell_nothing(doing: Doing, *, remove: bool) -> None:
    if not doing.count:
        tell(f"nothing to {'remove' if remove else 'do'}")


def _way_only(place: Place, doing: Doing, *, remove: bool) -> int:
    """Make or remove the way to the outside; the cloud itself is another machine's affair."""
    if not place.gateway and not remove:
        raise DebstackError(
            "neither is the cloud's administrator known on this machine, nor do routers lead to the"
            " outside here",
            hint="run it on the controller, and where openstack-proxy is installed",
        )
    with single_apply():
        doing.all(host.removals() if remove else host.additions(place.wish.outside))
    _tell_nothing(doing, remove=remove)
    return OK


_NEXT = """\
Start a virtual machine, and log in to it:
  openstack --os-cloud admin server create --image {image} --flavor demo --network demo \\
      --key-name demo --wait first
  openstack --os-cloud admin floating ip create --port \\
      $(openstack --os-cloud admin port list --server first -f value -c id) {external}
  ssh root@ADDRESS"""


def demo(*, remove: bool, dry_run: bool, external_range: str) -> int:
    """Make what the demo needs, or remove it; return the exit code. Raises DebstackError."""
    require_root()
    place = _place(external_range)
    doing = Doing(dry_run=dry_run)
    if not place.administers:
        return _way_only(place, doing, remove=remove)
    wish = place.wish
    connection = connect()
    with single_apply(), errors_of_the_cloud():
        if remove:
            _remove(connection, wish, doing)
        else:
            _make(connection, place, doing, dry_run=dry_run)
        _tell_nothing(doing, remove=remove)
        if not remove and not dry_run:
            image = cloud.Image(connection, wish).find()
            external = cloud.ExternalNetwork(connection, wish).find()
            print(_NEXT.format(image=image.name, external=external.name))
    return OK
