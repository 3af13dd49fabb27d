# SPDX-License-Identifier: Apache-2.0
"""What Cinder is asked of volume types, as its own user."""

from __future__ import annotations

from keystoneauth1 import exceptions

from debstack.runtime.cloud_service import Asked, CloudService
from debstack.runtime.site import IdentitySite

_PATH = "/types"
#: To an administrator these are all: public ones, and those of certain projects.
_ALL = f"{_PATH}?is_public=None"
_CINDER = Asked(
    type="block-storage", name="Cinder", unit="cinder-api", subject="volume types", role="storage"
)


class Cinder(CloudService):
    """Cinder, as the user `user` sees it."""

    def __init__(self, identity: IdentitySite, *, user: str, password: str, secret: str) -> None:
        super().__init__(identity, _CINDER, user=user, password=password, secret=secret)

    def types(self) -> frozenset[str]:
        """Return the names of all volume types. Raises DebstackError."""
        return frozenset(str(one["name"]) for one in self.ask("GET", _ALL)["volume_types"])

    def make(self, backend: str) -> None:
        """Make the type for the volumes of `backend`, called like it. Raises DebstackError."""
        made = {
            "name": backend,
            "description": f"Volumes in the back end {backend}",
            "extra_specs": {"volume_backend_name": backend},
        }
        try:
            self.ask("POST", _PATH, {"volume_type": made})
        except exceptions.Conflict:
            return  # another machine has just made it
