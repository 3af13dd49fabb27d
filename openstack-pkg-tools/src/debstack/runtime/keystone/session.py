# SPDX-License-Identifier: Apache-2.0
"""The one authenticated session with Keystone, and what its refusals mean."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote

from keystoneauth1 import exceptions, session
from keystoneauth1.identity import v3

from debstack.base.errors import IdentityError, IdentityUnavailable
from debstack.runtime.keystone.wanted import Scoped
from debstack.runtime.site import SYSTEM_AUTHORITIES, IdentitySite
from debstack.spec.vocabulary import DEFAULT_DOMAIN

TIMEOUT_S = 60
# uWSGI closes a connection after its answer without a word; a request that comes just then is lost.
ATTEMPTS = 4
RETRY_DELAY_S = 0.1

T = TypeVar("T")
PASSING = frozenset({502, 503, 504})


class LoginRefused(IdentityError):
    """Keystone answered, and does not take this user with this password."""


class Conflict(IdentityError):
    """What was to be created exists already."""


def insisting(ask: Callable[[], T], attempts: int = ATTEMPTS) -> T:
    """Return what `ask` returns, asking again where a connection broke or it was refused (403).

    A process of Keystone loads its policy with the first requests that need it, and refuses what
    another thread asks at that moment (seen with 29.1.0 and oslo.policy 4.5.1).
    """
    for attempt in range(attempts - 1):
        try:
            return ask()
        except exceptions.ConnectFailure:
            time.sleep(RETRY_DELAY_S)
        except exceptions.Forbidden:
            time.sleep(RETRY_DELAY_S * 4**attempt)
    return ask()


def session_of(
    identity: IdentitySite, *, user: str, password: str, project: str, catalogue: bool = False
) -> session.Session:
    """Return a session in which `user` works in `project`; with the catalogue to find services."""
    auth = v3.Password(
        auth_url=identity.url,
        include_catalog=catalogue,
        username=user,
        password=str(password),
        user_domain_name=DEFAULT_DOMAIN,
        project_name=project,
        project_domain_name=DEFAULT_DOMAIN,
    )
    # Named, though it is the default: requests reads that one when it is imported, before the
    # cloud's own authority was put there.
    trusted = identity.ca or (SYSTEM_AUTHORITIES if Path(SYSTEM_AUTHORITIES).exists() else True)
    return session.Session(auth=auth, verify=trusted, timeout=TIMEOUT_S, user_agent="debstack")


class Keystone:
    """Keystone as the administrator sees it. Methods may be called from any thread."""

    def __init__(self, identity: IdentitySite) -> None:
        self._identity = identity
        self._session = session_of(
            identity,
            user=identity.admin_user,
            password=identity.admin_password,
            project=identity.admin_project,
        )
        self._login = threading.Lock()

    def log_in(self) -> None:
        """Get the administrator's token. Raises LoginRefused or IdentityError."""
        with self._login:
            try:
                insisting(self._session.get_token)
            except exceptions.ClientException as error:
                raise self._translated(error, self._identity.admin_user) from error

    def request(self, method: str, path: str, body: object = None) -> Any:
        """Return what Keystone answers to `method` on `path` (which begins with a slash).

        A connection that breaks is tried again, but for POST: what it asks for may have been made.
        Raises Conflict, IdentityUnavailable or IdentityError.
        """
        url = self._identity.url.rstrip("/") + path
        try:
            answer = insisting(
                partial(self._session.request, url, method, json=body, authenticated=True),
                attempts=1 if method == "POST" else ATTEMPTS,
            )
        except exceptions.NotFound as error:
            if method == "DELETE":
                return None
            raise self._translated(error, self._identity.admin_user) from error
        except exceptions.ClientException as error:
            raise self._translated(error, self._identity.admin_user) from error
        return answer.json() if answer.content else None

    def list(self, collection: str, **filters: str) -> list[dict[str, Any]]:
        """Return the members of a collection, those that match `filters` (dots as __)."""
        query = "&".join(f"{k.replace('__', '.')}={quote(v, safe='')}" for k, v in filters.items())
        answer = self.request("GET", f"/{collection}?{query}" if query else f"/{collection}")
        members: list[dict[str, Any]] = answer[collection]
        return members

    def accepts(self, user: Scoped, password: str) -> bool:
        """Return whether `user` can log in with `password`."""
        auth = v3.Password(
            auth_url=self._identity.url,
            include_catalog=False,
            username=user.name,
            user_domain_name=user.domain,
            password=str(password),
            unscoped=True,
        )
        try:
            insisting(partial(auth.get_access, self._session))
        except exceptions.Unauthorized:
            return False
        except exceptions.ClientException as error:
            raise self._translated(error, user.name) from error
        return True

    def _translated(self, error: exceptions.ClientException, user: str) -> IdentityError:
        where = f"Keystone at {self._identity.url}"
        told = str(error).splitlines()[0] if str(error) else type(error).__name__
        if isinstance(error, exceptions.Unauthorized):
            return LoginRefused(
                f"cannot log in to {where} as {user} (401)",
                hint="set openstack/admin-password in /etc/debstack/secrets.preseed to the "
                "password that is in use there, then run: debstack apply",
            )
        if isinstance(error, exceptions.Conflict):
            return Conflict(f"{where}: {told}")
        return self._unanswered(error, where, told)

    def _unanswered(
        self, error: exceptions.ClientException, where: str, told: str
    ) -> IdentityError:
        local = "see: journalctl -u keystone; then run: debstack apply"
        remote = (
            "check openstack/identity-url in /etc/debstack/site.preseed; then run: debstack apply"
        )
        hint = local if self._identity.local else remote
        if isinstance(error, exceptions.SSLError):
            return IdentityError(
                f"{where}: its certificate is not trusted ({told})",
                hint="set openstack/identity-ca to the authority that signed it",
            )
        status = getattr(error, "http_status", None)
        if isinstance(error, exceptions.ConnectionError):
            return IdentityUnavailable(f"{where}: cannot be reached ({told})", hint=hint)
        if status in PASSING:
            return IdentityUnavailable(f"{where}: does not serve now ({told})", hint=hint)
        if isinstance(error, exceptions.Forbidden):
            return IdentityError(
                f"{where}: {self._identity.admin_user} may not administer it ({told})",
                hint="openstack/admin-user must have the role admin on openstack/admin-project",
            )
        return IdentityError(f"{where}: refused ({told})", hint=hint)


def quoted_path(*parts: str) -> str:
    """Return the path of a resource from its parts, each percent-encoded."""
    return "".join("/" + quote(part, safe="") for part in parts)
