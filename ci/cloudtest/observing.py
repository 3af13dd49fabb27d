# SPDX-License-Identifier: Apache-2.0
"""What tests look at in a node: Keystone's entries, services, and what has changed since."""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from cloudtest.acting import act, inside, status
from testbed.machine import wait_until
from testbed.node import Node

_FIRST_BOOT = "debstack-apply.service"


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """An endpoint of the catalogue."""

    id: str
    type: str
    region: str
    interface: str
    url: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What is in Keystone: names to ids, and the catalogue."""

    users: dict[str, str]
    projects: dict[str, str]
    roles: list[str]
    #: Pairs of type and name.
    services: list[list[str]]
    endpoints: list[Endpoint]

    def urls(self, service_type: str) -> dict[str, str]:
        """Return interface to URL of a service; each interface must stand there once."""
        found = [e for e in self.endpoints if e.type == service_type]
        if len({e.interface for e in found}) != len(found):
            raise AssertionError(f"an interface stands there twice: {found}")
        return {e.interface: e.url for e in found}


def identity(node: Node) -> Identity:
    """Return what is in Keystone, as the administrator of `node` reads it."""
    found = inside(node, "identity")
    endpoints = [Endpoint(**endpoint) for endpoint in found.pop("endpoints")]
    return Identity(endpoints=endpoints, **found)


def unsettled(node: Node) -> dict[str, list[str]]:
    """Return each step that is not in order, by what `debstack status` says of it."""
    return {
        step["step"]: [*step["changes"], *([step["error"]] if step["error"] else [])]
        for step in status(node)["steps"]
        if step["state"] != "in order"
    }


def started(node: Node, unit: str) -> str:
    """Return the pid of the main process of `unit` and when it was started; empty if it is not."""
    properties = "--property=MainPID,ExecMainStartTimestampMonotonic"
    lines = act(node, "systemctl", "show", properties, unit).stdout.splitlines()
    found = dict(line.split("=", 1) for line in lines)
    pid, since = found["MainPID"], found["ExecMainStartTimestampMonotonic"]
    return "" if pid == "0" else f"{pid} since {since}"


def await_first_boot(node: Node) -> None:
    """Wait until the service that does the work at boot has ended, and well."""

    def ended() -> bool:
        show = ["systemctl", "show", "--value", "--property=ActiveState", _FIRST_BOOT]
        return act(node, *show).stdout.strip() in ("inactive", "failed")

    wait_until(ended, timeout_s=180, what=_FIRST_BOOT)
    show = ["systemctl", "show", "--value", "--property=Result", _FIRST_BOOT]
    result = act(node, *show).stdout.strip()
    if result != "success":
        raise AssertionError(f"{_FIRST_BOOT}: {result}\n{node.journal('--unit', _FIRST_BOOT)}")


def restarted(node: Node) -> dict[str, str]:
    """Return each service that systemd had to start again since the boot, and how often."""
    shown = act(node, "systemctl", "show", "--property=Id,NRestarts", "*.service").stdout
    # In one paragraph for each, in an order of systemd's own.
    found = {}
    for paragraph in shown.split("\n\n"):
        pairs = dict(re.findall(r"^(Id|NRestarts)=(.*)$", paragraph, re.M))
        if pairs.get("NRestarts", "0") != "0":
            found[pairs["Id"]] = pairs["NRestarts"]
    return found


#: What the services of the cloud have logged.
_SAID = r"""
units=$(systemctl list-unit-files --no-legend --plain 'keystone*' 'glance*' 'placement*' 'nova*' \
    'neutron*' 'cinder*' 'heat*' 'gnocchi*' 'aodh*' 'ceilometer*' \
    'debstack*' | sed 's/\([^ ]*\).*/--unit=\1/')
journalctl --no-pager --output=short $units | grep """
_TRACEBACK = "Traceback (most recent call"
#: Of two changes of one port at once, the older one is not written over the newer one in OVN, and
#: Neutron goes on ("Transaction aborted", impl_idl_ovn.py); but ovsdbapp has logged it before.
_HANDLED = "neutron.common.ovn.exceptions.RevisionConflict: "
_LOGGER = " ERROR ovsdbapp.backend.ovs_idl.transaction "
_PROCESS = re.compile(r" \S+\[\d+\]: ")


def _handled(mark: str, end: str) -> bool:
    """Say whether a traceback that begins with `mark` is the one above: of one process, by end."""
    process = _PROCESS.search(mark)
    same = process is not None and process[0] in end
    return same and _LOGGER in mark and _HANDLED in end


def assert_no_stumble(node: Node) -> None:
    """Raise AssertionError, with all of it, where a service of the cloud has logged a traceback."""
    marked = f"-F -e '{_TRACEBACK}' -e '{_HANDLED}'"
    marks = act(node, "sh", "-c", _SAID + marked, check=False).stdout.splitlines()
    pairs = pairwise([*marks, ""])
    stumbled = [m for m, end in pairs if _TRACEBACK in m and not _handled(m, end)]
    if stumbled:
        around = f"-F -B 20 -A 100 '{_TRACEBACK}'"
        found = act(node, "sh", "-c", _SAID + around, check=False).stdout.splitlines()
        # What others said meanwhile is more than anybody reads.
        theirs = {said[0] for said in map(_PROCESS.search, stumbled) if said}
        told = [line for line in found if any(process in line for process in theirs)]
        raise AssertionError("tracebacks in the journal:\n" + "\n".join(told))


def assert_no_failed_unit(node: Node) -> None:
    """Raise AssertionError, with what their journals say, where units of `node` have failed."""
    list_failed = ("systemctl", "list-units", "--failed", "--no-legend", "--plain")
    failed = [line.split()[0] for line in act(node, *list_failed).stdout.splitlines()]
    said = "".join(
        act(node, "journalctl", "--boot", "--no-pager", "--lines=30", f"--unit={unit}").stdout
        for unit in failed
    )
    if failed:
        raise AssertionError(f"{node.name}: failed units: {', '.join(failed)}\n{said}")


def fingerprint(node: Node) -> dict[str, Any]:
    """Return what an act that changes nothing leaves as it is: files, Keystone, processes."""
    script = (
        "find /etc /var/lib/debstack /var/lib/glance /root -xdev -printf '%p %T@ %m %u:%g %s\\n'"
    )
    units = ("keystone", "glance-api", "mariadb", "rabbitmq-server", "memcached")
    return {
        "files": sorted(act(node, "sh", "-c", script).stdout.splitlines()),
        "identity": identity(node),
        "units": {unit: started(node, f"{unit}.service") for unit in units},
    }


def image_comes_back(node: Node, name: str = "round-trip") -> None:
    """Create an image by the client on `node`, download it, compare it, delete it."""
    script = """
set -eu
cd /var/tmp
head -c 300000 /dev/urandom >"$1".raw
openstack --os-cloud admin image create --disk-format raw --container-format bare \
    --file "$1".raw -f value -c status "$1"
openstack --os-cloud admin image save --file "$1".copy "$1"
cmp "$1".raw "$1".copy
openstack --os-cloud admin image delete "$1"
rm "$1".raw "$1".copy
"""
    act(node, "sh", "-c", script, "sh", name)
