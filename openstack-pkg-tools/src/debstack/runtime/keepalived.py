# SPDX-License-Identifier: Apache-2.0
"""What keepalived is told, where several machines are the public face of a cloud. Pure."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

CONFIGURATION = "/etc/debstack/keepalived.conf"
#: The administrator's own.
OWN = "/etc/keepalived/keepalived.conf"
PROGRAM = "/usr/sbin/keepalived"

_HEADER = "# Made by debstack; it is overwritten: do not edit it.\n"
_WITH_OWN = f"# Yours:\ninclude {OWN}\n"
#: A file that is not there is an error for keepalived, and what is global is the administrator's.
_WITHOUT_OWN = "global_defs {\n\tenable_script_security\n}\n"
#: One that fails lets go of the address; once it is back, it leaves the address where it is.
_TEXT = """
vrrp_script debstack {{
\tscript "/usr/bin/systemctl --quiet is-active haproxy.service"
\tuser root
\tinterval 1
\ttimeout 5
\tfall 2
\trise 1
}}

vrrp_instance debstack {{
\tstate BACKUP
\tnopreempt
\tversion 3
\tinterface {device}
\tvirtual_router_id {router}
\tpriority 100
\tadvert_int 1
\tvirtual_ipaddress {{
\t\t{address}
\t}}
\ttrack_script {{
\t\tdebstack
\t}}
}}
"""
_DROP_IN = """\
[Unit]
After=haproxy.service
ConditionFileNotEmpty=
ConditionFileNotEmpty={configuration}

[Service]
ExecStart=
ExecStart={program} --dont-fork --use-file={configuration} $DAEMON_ARGS
"""
_ROUTERS = 255


def router_of(address: str) -> int:
    """Return the number of a virtual router, from 1 to 255, that follows from its address."""
    return int(ipaddress.ip_address(address)) % 256 or _ROUTERS


def device_of(address: str, links: Sequence[Mapping[str, Any]]) -> str:
    """Return the network card in whose network `address` is; empty where there is none.

    `links` is what `ip -json address show` prints.
    """
    wanted = ipaddress.ip_address(address)
    found: dict[int, str] = {}
    for link in links:
        for own in link.get("addr_info", ()):
            network = ipaddress.ip_interface(f"{own['local']}/{own['prefixlen']}")
            # The machine may have the address at the moment.
            if network.ip != wanted and wanted in network.network:
                found.setdefault(own["prefixlen"], link["ifname"])
    return found[max(found)] if found else ""


def configuration(address: str, router: int, device: str, *, own: bool) -> str:
    """Return what keepalived reads: the address, for one of the machines that have this text.

    `own` tells whether the administrator's own configuration is there, to be read first.
    """
    return "".join(
        [
            _HEADER,
            _WITH_OWN if own else _WITHOUT_OWN,
            _TEXT.format(address=address, router=router, device=device),
        ]
    )


def drop_in() -> str:
    """Return the drop-in that makes Debian's unit of keepalived read our configuration."""
    return _HEADER + _DROP_IN.format(program=PROGRAM, configuration=CONFIGURATION)
