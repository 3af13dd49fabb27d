# SPDX-License-Identifier: Apache-2.0
"""What Nova is asked of host aggregates, as its own user, and what its refusals mean."""

from __future__ import annotations

from functools import partial
from typing import Any

from keystoneauth1 import adapter, exceptions

from debstack.base.errors import DebstackError, Retriable
from debstack.runtime.aggregates.planning import Action, Aggregate, Verb
from debstack.runtime.keystone.session import ATTEMPTS, PASSING, insisting, session_of
from debstack.runtime.site import IdentitySite
from debstack.spec.vocabulary import ServiceUser

_PATH = "/os-aggregates"


class NovaUnavailable(DebstackError, Retriable):
    """Nova could not be reached, or does not know this machine yet."""


class Nova:
    """Nova, as the user `user` sees it, for the machine `host`."""

    def __init__(
        self, identity: IdentitySite, *, user: str, password: str, secret: str, host: str
    ) -> None:
        self._identity = identity
        self._user = user
        #: The name of the question with the password.
        self._secret = secret
        self._host = host
        opened = session_of(
            identity, user=user, password=password, project=ServiceUser().project, catalogue=True
        )
        self._adapter = adapter.Adapter(
            opened, service_type="compute", interface="internal", region_name=identity.region
        )

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        """Return what Nova answers. Raises DebstackError, but for 404 and 409."""
        ask = partial(self._adapter.request, path, method, json=body)
        try:
            answer = insisting(ask, attempts=1 if method == "POST" else ATTEMPTS)
        except (exceptions.NotFound, exceptions.Conflict):
            raise
        except exceptions.ClientException as error:
            raise self._translated(error) from error
        return answer.json() if answer.content else None

    def _translated(self, error: exceptions.ClientException) -> DebstackError:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, exceptions.Unauthorized):
            return DebstackError(
                f"Keystone at {self._identity.url} does not let {self._user} in (401)",
                hint=f"{self._secret} is another one on the controller: run there debstack export"
                " --role compute > FILE; here debconf-set-selections < FILE && debstack apply",
            )
        if isinstance(error, exceptions.ConnectionError):
            return NovaUnavailable(
                f"Nova cannot be reached ({told})",
                hint="see on the controller: debstack status; then run: debstack apply",
            )
        if getattr(error, "http_status", None) in PASSING:
            return NovaUnavailable(
                f"Nova does not serve now ({told})",
                hint="see on the controller: debstack status; then run: debstack apply",
            )
        return DebstackError(
            f"Nova refused to show or change host aggregates ({told})",
            hint=f"see on the controller: journalctl -u nova-api; {self._user} needs the role admin"
            " in the project service",
        )

    def aggregates(self) -> tuple[Aggregate, ...]:
        """Return all host aggregates, the oldest first. Raises DebstackError."""
        found = self._ask("GET", _PATH)["aggregates"]
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
            self._ask("POST", _PATH, {"aggregate": asked})
        except exceptions.Conflict:
            return  # another machine has just made it

    def _move(self, action: Action) -> None:
        ids = [found.id for found in self.aggregates() if found.name == action.name]
        if not ids:
            raise NovaUnavailable(
                f"Nova: the host aggregate {action.name} was deleted meanwhile",
                hint="run: debstack apply",
            )
        verb = "remove_host" if action.verb is Verb.LEAVE else "add_host"
        try:
            self._ask("POST", f"{_PATH}/{ids[0]}/action", {verb: {"host": self._host}})
        except exceptions.NotFound as error:
            if action.verb is Verb.LEAVE:
                return
            raise NovaUnavailable(
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
