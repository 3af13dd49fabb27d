# SPDX-License-Identifier: Apache-2.0
"""Putting URLs together: everything percent-encoded, IPv6 addresses in brackets."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from urllib.parse import quote

from debstack.base.secret import Secret

_VERIFY = "ssl_enforce_hostname_verification"


def bracketed(host: str) -> str:
    """Return `host` as it stands in a URL: an IPv6 address in brackets, anything else as it is."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def is_address(host: str) -> bool:
    """Return whether `host` is an IPv4 or IPv6 address (without brackets), not a name."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Say whether `host` means the machine itself."""
    if host in ("localhost", "ip6-localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def encoded(text: str) -> str:
    """Return `text` with everything but unreserved characters percent-encoded, as UTF-8."""
    return quote(text, safe="")


def split_host_port(text: str, default_port: int) -> tuple[str, int]:
    """Return host (without brackets) and port of host, host:port, [IPv6]:port or bare IPv6."""
    text = text.strip()
    if text.startswith("["):
        host, _, rest = text[1:].partition("]")
        return host, int(rest.removeprefix(":") or default_port)
    if text.count(":") == 1:
        host, _, port = text.partition(":")
        return host, int(port)
    return text, default_port


def host_ports(text: str, default_port: int) -> tuple[str, ...]:
    """Return the comma-separated hosts of `text` as host:port each, IPv6 in brackets."""
    pairs = (split_host_port(item, default_port) for item in text.split(",") if item.strip())
    return tuple(f"{bracketed(host)}:{port}" for host, port in pairs)


def transport_url(
    account: tuple[str, str], hosts: Sequence[str], virtual_host: str, ca: str = ""
) -> Secret:
    """Return oslo.messaging's URL of a RabbitMQ account at every one of `hosts` (host:port).

    With `ca`, a file of authorities, by TLS: what stands behind the question mark are options of
    oslo_messaging_rabbit, which go before those of the service's configuration.
    """
    user, password = (encoded(part) for part in account)
    places = ",".join(f"{user}:{password}@{host}" for host in hosts)
    # That the name is the broker's is not looked at without being asked for: CVE-2026-44393.
    query = f"?ssl=true&ssl_ca_file={quote(ca)}&{_VERIFY}=true" if ca else ""
    return Secret(f"rabbit://{places}/{encoded(virtual_host)}{query}")
