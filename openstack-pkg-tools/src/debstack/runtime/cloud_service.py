# SPDX-License-Identifier: Apache-2.0
"""A service of the catalogue as one of the services' own users sees it, and what refusals mean."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from keystoneauth1 import adapter, exceptions

from debstack.base.errors import DebstackError, Retriable
from debstack.runtime.keystone.session import ATTEMPTS, PASSING, insisting, session_of
from debstack.runtime.site import IdentitySite
from debstack.spec.vocabulary import ServiceUser

T = TypeVar("T")


class ServiceUnavailable(DebstackError, Retriable):
    """A service could not be reached, or cannot do yet what it was asked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A service, and what it is asked for."""

    #: Its type in the catalogue, what a person calls it, and the unit that answers.
    type: str
    name: str
    unit: str
    #: What is shown and changed there.
    subject: str
    #: The role of the machines that ask.
    role: str


class CloudService:
    """The service `asked`, of the region of `identity`, as the user `user` sees it.

    `secret` is the name of the question with the password.
    """

    def __init__(
        self, identity: IdentitySite, asked: Asked, *, user: str, password: str, secret: str
    ) -> None:
        self._identity = identity
        self._asked = asked
        self._user = user
        self._secret = secret
        opened = session_of(
            identity, user=user, password=password, project=ServiceUser().project, catalogue=True
        )
        self._adapter = adapter.Adapter(
            opened, service_type=asked.type, interface="internal", region_name=identity.region
        )

    def _insisting(self, ask: Callable[[], T], attempts: int = ATTEMPTS) -> T:
        try:
            return insisting(ask, attempts=attempts)
        except (exceptions.NotFound, exceptions.Conflict, exceptions.EndpointNotFound):
            raise
        except exceptions.ClientException as error:
            raise self._translated(error) from error

    def registered(self) -> bool:
        """Say whether the catalogue has the service. Raises DebstackError."""
        try:
            return self._insisting(self._adapter.get_endpoint) is not None
        except exceptions.EndpointNotFound:
            return False

    def ask(self, method: str, path: str, body: object = None) -> Any:
        """Return what is answered. Raises DebstackError, but for 404 and 409 keystoneauth's own."""
        ask = partial(self._adapter.request, path, method, json=body)
        try:
            answer = self._insisting(ask, attempts=1 if method == "POST" else ATTEMPTS)
        except exceptions.EndpointNotFound as error:
            raise self._translated(error) from error
        return answer.json() if answer.content else None

    def _translated(self, error: exceptions.ClientException) -> DebstackError:
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        asked = self._asked
        if isinstance(error, exceptions.Unauthorized):
            return DebstackError(
                f"Keystone at {self._identity.url} does not let {self._user} in (401)",
                hint=f"{self._secret} is another one on the controller: run there"
                f" debstack export --role {asked.role} > FILE; here"
                " debconf-set-selections < FILE && debstack apply",
            )
        hint = "see on the controller: debstack status; then run: debstack apply"
        if isinstance(error, exceptions.ConnectionError):
            return ServiceUnavailable(f"{asked.name} cannot be reached ({told})", hint=hint)
        if getattr(error, "http_status", None) in PASSING:
            return ServiceUnavailable(f"{asked.name} does not serve now ({told})", hint=hint)
        return DebstackError(
            f"{asked.name} refused to show or change {asked.subject} ({told})",
            hint=f"see on the controller: journalctl -u {asked.unit}; {self._user} needs the role"
            " admin in the project service",
        )
