# SPDX-License-Identifier: Apache-2.0
"""The command debstack demo: makes what is missing, or takes it all away; twice does no harm."""

from __future__ import annotations

import ipaddress
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


def _wish(external_range: str) -> cloud.Wish:
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
    return cloud.Wish(
        outside=host.Outside(bridge=bridge, range=parsed_range(external_range)),
        physical_network=network,
    )


def _make(connection: Any, wish: cloud.Wish, doing: Doing, *, dry_run: bool) -> None:
    doing.all(host.key_additions())
    external = cloud.ExternalNetwork(connection, wish)
    if external.ours() is not None or external.find() is None:
        doing.all(host.additions(wish.outside))
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
    wish = _wish(external_range)
    doing = Doing(dry_run=dry_run)
    connection = connect()
    with single_apply(), errors_of_the_cloud():
        if remove:
            _remove(connection, wish, doing)
        else:
            _make(connection, wish, doing, dry_run=dry_run)
        if not doing.count:
            tell(f"nothing to {'remove' if remove else 'do'}")
        if not remove and not dry_run:
            image = cloud.Image(connection, wish).find()
            external = cloud.ExternalNetwork(connection, wish).find()
            print(_NEXT.format(image=image.name, external=external.name))
    return OK
