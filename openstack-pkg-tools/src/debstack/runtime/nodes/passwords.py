# SPDX-License-Identifier: Apache-2.0
"""The passwords of the RabbitMQ users that single machines have for themselves, on the controller.

One file for each machine, in the format of debconf-set-selections, as debstack export makes it.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.secret import Secret
from debstack.runtime.files import read_text
from debstack.runtime.preseed import Preseed
from debstack.spec.checks import is_address, is_host

FOLDER = "/etc/debstack/nodes"
_SUFFIX = ".preseed"
HEADER = """\
# RabbitMQ passwords of one machine of this cloud, made by debstack export --node.
# debstack forget removes them, and the users that have them.
"""


def checked_node(name: str) -> str:
    """Return `name`, which is to be the name of a machine. Raises DebstackError."""
    if is_host(name) and not is_address(name):
        return name
    raise DebstackError(
        f'--node: expected the name of a machine, such as compute-1, found "{_shown(name)}"',
        hint="give the name that hostname prints there, which debstack nodes will tell",
    )


def _shown(name: str) -> str:
    """Return `name` so that it cannot play tricks on a terminal."""
    return name.encode("unicode_escape", errors="backslashreplace").decode()[:80]


def path_of(node: str) -> str:
    """Return the absolute path of the file of `node`."""
    return f"{FOLDER}/{node}{_SUFFIX}"


def held(root: Path) -> dict[str, dict[str, Secret]]:
    """Return the passwords of each machine that has a file, by their full names."""
    found = {}
    for path in sorted((root / FOLDER.lstrip("/")).glob(f"*{_SUFFIX}")):
        values = Preseed.parse(read_text(path) or "").values()
        found[path.name.removesuffix(_SUFFIX)] = {
            name: Secret(value) for name, value in values.items() if value
        }
    return found


def user_of(virtual_host: str, node: str) -> str:
    """Return the name of the RabbitMQ user that `node` (empty: every machine) has there."""
    return f"{virtual_host}@{node}" if node else virtual_host


def users(
    virtual_hosts: Mapping[str, str], passwords: Mapping[str, Mapping[str, Secret]]
) -> list[str]:
    """Return the users that machines have for themselves.

    `virtual_hosts` maps the full name of each password to its virtual host.
    """
    return [
        user_of(virtual_hosts[name], node)
        for node, names in sorted(passwords.items())
        for name in sorted(names)
        if name in virtual_hosts
    ]
