# SPDX-License-Identifier: Apache-2.0
"""What Nova is asked of host aggregates, as its own user, and what its refusals mean."""

from __future__ import annotations

from keystoneauth1 import exceptions

from debstack.base.errors import DebstackError
from debstack.runtime.aggregates.planning import Action, Aggregate, Verb
from debstack.runtime.cloud_service import Asked, CloudService, ServiceUnavailable
from debstack.runtime.site import IdentitySite

_PATH = "/os-aggregates"
_NOVA = Asked(
    type="compute", name="Nova", unit="nova-api", subject="host aggregates", role="compute"
)


class Nova(CloudService):
    """Nova, as the user `user` sees it, for the machine `host`."""

    def __init__(
        self, identity: IdentitySite, *, user: str, password: str, secret: str, host: str
    ) -> None:
        super().__init__(identity, _NOVA, user=user, password=password, secret=secret)
        self._host = host

    def aggregates(self) -> tuple[Aggregate, ...]:
        """Return all host aggregates, the oldest first. Raises DebstackError."""
        found = self.ask("GET", _PATH)["aggregates"]
        return tuple(
            Aggregate(
                id=one["id"],
                name=one["name"],
                zone=one["availability_zone"] or "",
                hosts=frozenset(one["hosts"]),
            )
            for one in sorted(found, key=lambda one: int(one["id"]))
        )

    def perform(self, action: Action) -> None:
        """Do `action`. Raises DebstackError."""
        if action.verb is Verb.MAKE:
            self._make(action)
        else:
            self._move(action)

    def _make(self, action: Action) -> None:
        asked = {"name": action.name, "availability_zone": action.zone or None}
        try:
            self.ask("POST", _PATH, {"aggregate": asked})
        except exceptions.Conflict:
            return  # another machine has just made it

    def _move(self, action: Action) -> None:
        ids = [found.id for found in self.aggregates() if found.name == action.name]
        if not ids:
            raise ServiceUnavailable(
                f"Nova: the host aggregate {action.name} was deleted meanwhile",
                hint="run: debstack apply",
            )
        verb = "remove_host" if action.verb is Verb.LEAVE else "add_host"
        try:
            self.ask("POST", f"{_PATH}/{ids[0]}/action", {verb: {"host": self._host}})
        except exceptions.NotFound as error:
            if action.verb is Verb.LEAVE:
                return
            raise ServiceUnavailable(
                f"Nova does not know the host {self._host} yet",
                hint="see: journalctl -u nova-compute; then run: debstack apply",
            ) from error
        except exceptions.Conflict as error:
            raise self._kept(action) from error

    def _kept(self, action: Action) -> DebstackError:
        """Return the error that says why Nova moves this machine to no other zone."""
        where = f"out of {action.name}" if action.verb is Verb.LEAVE else f"into {action.name}"
        return DebstackError(
            f"{self._host} has servers, and Nova takes none from one availability zone to another:"
            f" the machine does not come {where}",
            hint=f"on the controller: debstack drain {self._host}; here: debstack apply; then"
            f" there: debstack drain --undo {self._host}",
        )
