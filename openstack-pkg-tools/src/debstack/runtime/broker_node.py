# SPDX-License-Identifier: Apache-2.0
"""Where the Erlang node of this machine's RabbitMQ may listen: as few addresses as work.

RabbitMQ's tools are Erlang nodes of their own. They ask the port mapper (epmd, 4369) at the host of
the broker's node name for its distribution port (25672), and connect there; the broker itself
registers at 127.0.0.1 (erl_epmd(3)). The node name is RabbitMQ's: rabbit@HOST, HOST being the
short name of the machine, and its data lie in a directory of that name. So both have to listen
where that name leads, and need to listen nowhere else: in Debian mostly at 127.0.1.1.
"""

from __future__ import annotations

import ipaddress
import re
import time
from pathlib import Path

from debstack.base.errors import MessagingError
from debstack.base.run import run
from debstack.runtime.files import read_text

HOSTS = "/etc/hosts"
#: RabbitMQ's file for the administrator's own name of the node.
ENVIRONMENT = "/etc/rabbitmq/rabbitmq-env.conf"
NODES = "/var/lib/rabbitmq/mnesia"
REGISTER_TIMEOUT_S = 30.0
REGISTER_POLL_S = 0.1

_NAMED = re.compile(r"^\s*(export\s+)?(RABBITMQ_)?(NODENAME|USE_LONGNAME)=", re.M)
_MEMBER = re.compile(r"[\w-]+@([\w.-]+)")
_REGISTERED = re.compile(r"^name (\S+) at port \d+$", re.M)


def looked_up(hosts: str, name: str) -> str:
    """Return the first IPv4 address that the text of /etc/hosts has for `name`, or nothing.

    A name that is only elsewhere (DNS) is not asked for: what answers there may change, or wait.
    """
    for line in hosts.splitlines():
        address, *names = line.partition("#")[0].split() or [""]
        if name in names and ":" not in address:
            return address
    return ""


def clustered(root: Path, host: str) -> bool:
    """Return whether the broker has been made a member of a cluster with others than `host`."""
    found = (root / NODES.lstrip("/")).glob("*/cluster_nodes.config")
    members = {name for path in found for name in _MEMBER.findall(read_text(path) or "")}
    return bool(members - {host})


def address(root: Path, hostname: str, management_address: str) -> str:
    """Return the one address besides 127.0.0.1 where the node is looked for; nothing for all.

    It is a loopback address or that of the management. Anything else may come and go, or is
    somebody's intention: then, as for a node with a name of the administrator's, and for a member
    of a cluster, Erlang's own way is left: every address. Raises ConfigurationError.
    """
    host = hostname.partition(".")[0]
    if _NAMED.search(read_text(root / ENVIRONMENT.lstrip("/")) or "") or clustered(root, host):
        return ""
    found = looked_up(read_text(root / HOSTS.lstrip("/")) or "", host)
    try:
        loopback = ipaddress.ip_address(found).is_loopback
    except ValueError:
        return ""
    return found if loopback or found == management_address else ""


def registered() -> frozenset[str]:
    """Return the names of the Erlang nodes that the port mapper knows; none if it is not there."""
    return frozenset(_REGISTERED.findall(run(["epmd", "-names"], check=False, timeout_s=30).stdout))


def await_registered(names: frozenset[str]) -> None:
    """Wait until a port mapper that was restarted knows `names` again. Raises MessagingError.

    Erlang's nodes come back by themselves, within some seconds.
    """
    deadline = time.monotonic() + REGISTER_TIMEOUT_S
    while missing := names - registered():
        if time.monotonic() > deadline:
            raise MessagingError(
                f"epmd: {', '.join(sorted(missing))} has not registered again",
                hint="run: systemctl restart rabbitmq-server; then: debstack apply",
            )
        time.sleep(REGISTER_POLL_S)
