# SPDX-License-Identifier: Apache-2.0
"""Answers and passwords for a controller that differ from every default they can differ from."""

from __future__ import annotations

#: The names at which the preseeded cloud is reached, in the node's /etc/hosts.
PUBLIC_HOST = "cloud-1.example.test"
INTERNAL_HOST = "in.example.test"
ADMIN_HOST = "adm.example.test"

#: Every kind of character that some file format, shell, URL or SQL treats on its own.
AWKWARD = "a&b|c\\d\"e'f$g%h@i:j/k#l m=n;o`p"
FOREIGN = "pässwörd €漢字 x"

ACCOUNTS = (
    "openstack/admin-password",
    "keystone/database-password",
    "keystone/messaging-password",
    "glance/database-password",
    "glance/messaging-password",
    "glance/service-password",
)

#: One password of all awkward characters for each account, so that none is taken for another.
AWKWARD_PASSWORDS = {name: f"{AWKWARD}{n}" for n, name in enumerate(ACCOUNTS)}
FOREIGN_PASSWORDS = {name: f"{n}{FOREIGN}" for n, name in enumerate(ACCOUNTS)}


def answers(management_address: str) -> dict[str, str]:
    """Return answers that differ from the defaults, for a machine with `management_address`."""
    return {
        "openstack/management-address": management_address,
        "openstack/region": "Lab-2",
        "openstack/public-host": PUBLIC_HOST,
        "openstack/internal-host": INTERNAL_HOST,
        "openstack/admin-host": ADMIN_HOST,
        "openstack/public-protocol": "https",
        "openstack/database": "mariadb",
        "openstack/messaging-host": "",
        "openstack/admin-user": "boss",
        "openstack/admin-project": "head-office",
        "openstack/purge-data": "true",
    }
