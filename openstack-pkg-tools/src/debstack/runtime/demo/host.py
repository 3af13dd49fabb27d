# SPDX-License-Identifier: Apache-2.0
"""The demo's external network on this machine: an address on a bridge that ends here, and NAT.

Nobody loses the connection to a machine with a single network card: none of its own interfaces,
addresses and routes is touched.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from debstack.base.run import run
from debstack.runtime import systemd
from debstack.runtime.files import WantedFile, difference, read_text, remove, write
from debstack.runtime.step import Change

UNIT = "debstack-demo-network.service"
UNIT_FILE = Path("/etc/systemd/system") / UNIT
RULES_FILE = Path("/etc/debstack/demo.nft")
TABLE = "debstack_demo"
KEY_FILE = Path("/root/.ssh/id_ed25519")

Network = ipaddress.IPv4Network


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """The external network as this machine is part of it: `bridge` has its first address."""

    bridge: str
    range: Network

    @property
    def gateway(self) -> str:
        """The address of this machine in it, which is the routers' way out."""
        return str(self.range.network_address + 1)


def rules_text(outside: Outside) -> str:
    """Return the rules of nftables: what leaves the range for elsewhere gets our address."""
    return f"""\
# Made by debstack demo, and removed by: debstack demo --remove
table ip {TABLE}
delete table ip {TABLE}
table ip {TABLE} {{
    chain postrouting {{
        type nat hook postrouting priority srcnat
        ip saddr {outside.range} oifname != "{outside.bridge}" masquerade
    }}
}}
"""


def unit_text(outside: Outside) -> str:
    """Return the unit that sets the bridge up, at each boot."""
    address = f"{outside.gateway}/{outside.range.prefixlen}"
    return f"""\
# Made by debstack demo, and removed by: debstack demo --remove
[Unit]
Description=External network of debstack demo
Documentation=man:debstack(8)
Requires=openvswitch-switch.service
After=openvswitch-switch.service network.target nftables.service

[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=ip address replace {address} dev {outside.bridge}
ExecStart=ip link set {outside.bridge} up
ExecStart=sysctl --quiet --write net.ipv4.ip_forward=1
ExecStart=nft --file {RULES_FILE}
# At a purge nftables or the bridge may have gone before: then there is nothing to take away.
ExecStop=-nft delete table ip {TABLE}
ExecStop=-ip address delete {address} dev {outside.bridge}

[Install]
WantedBy=multi-user.target
"""


def _enable() -> None:
    systemd.daemon_reload()
    run(["systemctl", "enable", "--quiet", UNIT])
    systemd.bring_up(UNIT, "restart")


def additions(outside: Outside) -> list[Change]:
    """Return what has to change for the external network to end at this machine."""
    wanted = (
        WantedFile(path=RULES_FILE, content=rules_text(outside)),
        WantedFile(path=UNIT_FILE, content=unit_text(outside)),
    )
    found = [
        Change(summary=f"write {file.path}", perform=partial(write, file))
        for file in wanted
        if difference(file)
    ]
    if found or systemd.unit_state(UNIT).active != "active":
        told = f"give {outside.bridge} the address {outside.gateway}, with NAT to the outside"
        found.append(Change(summary=told, perform=_enable))
    return found


def _disable() -> None:
    run(["systemctl", "disable", "--quiet", "--now", UNIT])
    remove(UNIT_FILE)
    remove(RULES_FILE)
    systemd.daemon_reload()


def removals() -> list[Change]:
    """Return what takes the external network from this machine."""
    if not UNIT_FILE.exists():
        return []
    return [Change(summary=f"stop and remove {UNIT}", perform=_disable)]


def make_key() -> None:
    """Make a key pair of SSH for root, without a passphrase."""
    KEY_FILE.parent.mkdir(mode=0o700, exist_ok=True)
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "debstack demo", "-f", str(KEY_FILE)])


def key_additions() -> Sequence[Change]:
    """Return what has to be done for root to have a key pair of SSH."""
    if public_key():
        return []
    return [Change(summary=f"make the key pair {KEY_FILE}", perform=make_key)]


def public_key() -> str:
    """Return root's public key of SSH, empty where there is none."""
    return (read_text(KEY_FILE.with_suffix(".pub")) or "").strip()
