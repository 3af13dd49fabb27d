# SPDX-License-Identifier: Apache-2.0
"""clouds:…: what the clients of OpenStack on this machine have to know of the cloud.

Root is its administrator. Everybody else is told where it is, and says himself who he is.
"""

from __future__ import annotations

import shlex
import stat
from collections.abc import Sequence
from pathlib import Path

from debstack.base.secret import Secret
from debstack.runtime import cloud_file
from debstack.runtime.context import Context
from debstack.runtime.files import WantedFile, difference, make_folder, read_text, told, write
from debstack.runtime.site import IdentitySite
from debstack.runtime.step import Change, Step

CLOUDS = "/root/.config/openstack/clouds.yaml"
#: Where openstacksdk looks last: who has a file of his own does not see this one.
SHARED_CLOUDS = "/etc/openstack/clouds.yaml"
#: Where there is none, nobody asks.
_CLIENT = "/usr/bin/openstack"
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
    """The cloud of the administrator in clouds.yaml, and openrc."""

    id = "clouds:root"
    needs = frozenset({"files:site", "answers:authorities"})

    def __init__(self, identity: IdentitySite, root: Path) -> None:
        self._identity = identity
        self._root = root

    def _change(self, absolute: str, content: str) -> list[Change]:
        wanted = WantedFile(path=self._root / absolute.lstrip("/"), content=content, mode=0o600)
        return _written(wanted, absolute, folder_mode=0o700)

    def changes(self) -> Sequence[Change]:
        """See Step. Other clouds in the file stay. Raises ConfigurationError."""
        path = self._root / CLOUDS.lstrip("/")
        cloud = cloud_file.admin_entry(self._identity)
        text = cloud_file.merged(read_text(path), cloud_file.ADMIN, cloud, str(path))
        return [*self._change(CLOUDS, text), *self._change(OPENRC, openrc(self._identity))]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"write {CLOUDS}", f"write {OPENRC}"]


class SharedCloudStep(Step):
    """The cloud in the clouds.yaml of all users of this machine, without a password."""

    id = "clouds:shared"
    needs = frozenset({"files:site", "answers:authorities"})

    def __init__(self, identity: IdentitySite, root: Path) -> None:
        self._identity = identity
        self._path = root / SHARED_CLOUDS.lstrip("/")

    def changes(self) -> Sequence[Change]:
        """See Step. Other clouds in the file stay. Raises ConfigurationError."""
        cloud = cloud_file.shared_entry(self._identity)
        held = read_text(self._path)
        text = cloud_file.merged(held, cloud_file.SHARED, cloud, str(self._path))
        # Who has put passwords of other clouds into it may have shut it.
        mode = 0o644 if held is None else stat.S_IMODE(self._path.stat().st_mode)
        wanted = WantedFile(path=self._path, content=text, mode=mode)
        return _written(wanted, SHARED_CLOUDS, folder_mode=0o755)

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"write {SHARED_CLOUDS}"]


def _written(wanted: WantedFile, absolute: str, *, folder_mode: int) -> list[Change]:
    how = difference(wanted)
    if not how:
        return []

    def perform() -> None:
        make_folder(wanted.path.parent, folder_mode)
        write(wanted)

    return [Change(summary=told(how, absolute), perform=perform)]


def build(context: Context) -> list[Step]:
    """Return what makes the files, as far as this machine knows a Keystone.

    Root's are made where it knows the administrator's password, the shared one where a client is.
    """
    identity = context.site.identity
    if identity is None:
        return []
    steps: list[Step] = []
    if identity.admin_password:
        steps.append(CloudsStep(identity, context.root))
    if context.path(_CLIENT).exists():
        steps.append(SharedCloudStep(identity, context.root))
    return steps
