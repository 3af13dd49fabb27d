# SPDX-License-Identifier: Apache-2.0
"""Databases of this machine, or of its server, that other machines of the cloud use too."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from debstack.base.errors import DebstackError
from debstack.runtime.resolve import DATABASES_SHARED
from debstack.runtime.site import SYSTEM_AUTHORITIES, DatabaseServer, Engine, Site, TlsMode
from debstack.runtime.urls import is_loopback
from debstack.spec.vocabulary import CELL_ROLE, REGION_ROLE, Manifest

SHARED = f"openstack/{DATABASES_SHARED}"
#: They have databases of their own, even where these are called like some of this machine.
_OWN = frozenset({CELL_ROLE, REGION_ROLE})


def used(site: Site, packages: Sequence[Manifest], role: str) -> tuple[str, ...]:
    """Return the databases of this machine that one of `role`, with `packages`, uses too."""
    if role in _OWN:
        return ()
    found = {
        key
        for manifest in packages
        for key in manifest.package.database
        if (manifest.source, key) in site.accounts
    }
    return tuple(sorted(found))


def _refuse(server: DatabaseServer, names: Iterable[str]) -> None:
    told = ", ".join(names)
    if server.host:
        if not is_loopback(server.host):
            return
        raise DebstackError(
            f"openstack/database-host: others cannot reach {told} at {server.host}",
            hint="name the server as other machines reach it, or empty it for the one on this"
            " machine; then: debstack apply",
        )
    if server.engine is Engine.MARIADB:
        return
    what = "SQLite" if server.engine is Engine.SQLITE else "PostgreSQL on this machine"
    raise DebstackError(
        f"openstack/database: that machine would use {told} here, and {what} is not opened to"
        " others",
        hint="use MariaDB here (apt-get install mariadb-server; debstack answers set"
        " openstack/database mariadb), or a server that others reach as well"
        " (openstack/database-host); data do not move by themselves",
    )


def told_of(site: Site, names: Sequence[str]) -> dict[str, str]:
    """Return the answers by which another machine finds the databases `names`; none for none. Pure.

    Raises DebstackError where it could not reach them.
    """
    if not names:
        return {}
    server = site.database
    _refuse(server, names)
    host, ca, port = server.host, server.ca, server.port
    if server.local_mariadb:
        secured = site.tls.mode is not TlsMode.OFF
        host, ca, port = site.management_address, SYSTEM_AUTHORITIES if secured else "", 0
    found = {"": server.engine.value, "-host": host, "-port": str(port or ""), "-ca": ca}
    return {f"openstack/database{key}": value for key, value in found.items() if value}


def noted(site: Site, names: Sequence[str]) -> dict[str, str]:
    """Return the answer of this machine that changes, for others to use the databases `names`."""
    if not site.database.local_mariadb:
        return {}
    before = site.answers.get(SHARED, "")
    after = ",".join(sorted({*before.split(","), *names} - {""}))
    return {SHARED: after} if {*after.split(",")} != {*before.split(",")} else {}
