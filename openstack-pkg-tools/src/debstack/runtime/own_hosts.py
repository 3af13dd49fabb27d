# SPDX-License-Identifier: Apache-2.0
"""The hosts in URLs that lead to this machine: what a web application may be asked as. Pure."""

from __future__ import annotations

from debstack.runtime.site import Site
from debstack.runtime.urls import bracketed

_LOOPBACK = ("localhost", "127.0.0.1", "::1")
_ANSWERS = ("openstack/public-host", "openstack/internal-host", "openstack/admin-host")


def own_hosts(site: Site) -> list[str]:
    """Return names and addresses, each once, IPv6 addresses in brackets."""
    found = [site.answers.get(name, "") for name in _ANSWERS]
    found += [site.management_address, site.bind_address]
    if "host-names" in site.traits:
        found += site.traits["host-names"]().split(",")
    return list(dict.fromkeys(bracketed(host) for host in (*found, *_LOOPBACK) if host))
