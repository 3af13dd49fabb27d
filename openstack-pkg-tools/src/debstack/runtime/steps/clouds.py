# SPDX-License-Identifier: Apache-2.0
"""clouds:root: how root of this machine logs in to the cloud, for the clients of OpenStack."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from debstack.base.secret import Secret
from debstack.runtime import cloud_file
from debstack.runtime.context import Context
from debstack.runtime.files import WantedFile, difference, make_folder, read_text, told, write
from debstack.runtime.site import IdentitySite
from debstack.runtime.step import Change, Step

CLOUDS = "/root/.config/openstack/clouds.yaml"
OPENRC = "/root/openrc"
_OPENRC_HEADER = """\
# Made by debstack; it is overwritten. In a shell of root: . /root/openrc
"""


def openrc(identity: IdentitySite) -> Secret:
    """Return a shell file that sets the variables of OpenStack's clients."""
    variables = {
        "OS_AUTH_TYPE": "password",
        "OS_AUTH_URL": identity.url,
        "OS_IDENTITY_API_VERSION": "3",
        "OS_USERNAME": identity.admin_user,
        "OS_USER_DOMAIN_NAME": "Default",
        "OS_PASSWORD": str(identity.admin_password),
        "OS_PROJECT_NAME": identity.admin_project,
        "OS_PROJECT_DOMAIN_NAME": "Default",
        "OS_REGION_NAME": identity.region,
        "OS_INTERFACE": "internal",
    }
    if identity.ca:
        variables["OS_CACERT"] = identity.ca
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items()]
    return Secret(_OPENRC_HEADER + "".join(lines))


class CloudsStep(Step):
    """The cloud `admin` in clouds.yaml, and openrc."""

    id = "clouds:root"
    needs = frozenset({"files:site"})

    def __init__(self, identity: IdentitySite, root: Path) -> None:
        self._identity = identity
        self._root = root

    def _change(self, absolute: str, content: str) -> list[Change]:
        wanted = WantedFile(path=self._root / absolute.lstrip("/"), content=content, mode=0o600)
        how = difference(wanted)
        if not how:
            return []

        def perform() -> None:
            make_folder(wanted.path.parent)
            write(wanted)

        return [Change(summary=told(how, absolute), perform=perform)]

    def changes(self) -> Sequence[Change]:
        """See Step. Other clouds in the file stay. Raises ConfigurationError."""
        path = self._root / CLOUDS.lstrip("/")
        merged = cloud_file.merged(read_text(path), cloud_file.entry(self._identity), str(path))
        return [*self._change(CLOUDS, merged), *self._change(OPENRC, openrc(self._identity))]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"write {CLOUDS}", f"write {OPENRC}"]


def build(context: Context) -> list[Step]:
    """Return the step, if this machine knows a Keystone and its administrator."""
    identity = context.site.identity
    if identity is None or not identity.admin_password:
        return []
    return [CloudsStep(identity, context.root)]
