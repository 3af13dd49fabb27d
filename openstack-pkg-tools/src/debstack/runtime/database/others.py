# SPDX-License-Identifier: Apache-2.0
"""A server whose databases others make: it is looked whether they are there, and no more."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager

from debstack.base.errors import DatabaseError, DatabaseUnavailable
from debstack.runtime.database.driver import REFUSED_HINT, Driver, Session
from debstack.runtime.site import DatabaseAccount
from debstack.runtime.step import Change

#: Both ways out where a database is not to be had.
_HINT = (
    "have it made there (on the controller: debstack export --role ROLE > FILE; here:"
    " debconf-set-selections < FILE), or from here (debstack secrets set"
    " openstack/database-admin-password); then run: debstack apply"
)


class UsingDriver(Driver):
    """The user's side of a server at `host`, by means of the driver of its kind."""

    def __init__(self, driver: Driver, host: str) -> None:
        self.engine = driver.engine
        self._driver = driver
        self._host = host

    def changes(
        self, account: DatabaseAccount, accounts: Sequence[DatabaseAccount]
    ) -> list[Change]:
        """See Driver. None are needed. Raises DatabaseError where the account is of no use."""
        try:
            with self.open(account, _HINT):
                return []
        except DatabaseUnavailable:
            raise
        except DatabaseError as error:
            told = f"database {account.database}: {error.message}"
            raise DatabaseError(told, hint=error.hint or _HINT) from error

    def declared(self, account: DatabaseAccount) -> list[str]:
        """See Driver."""
        return [f"log in to database {account.database} at {self._host} as {account.user}"]

    def open(
        self, account: DatabaseAccount, hint: str = REFUSED_HINT
    ) -> AbstractContextManager[Session]:
        """See Driver."""
        return self._driver.open(account, hint)

    def removals(self, account: DatabaseAccount) -> list[Change]:
        """See Driver. What others made is theirs."""
        return []

    def close(self) -> None:
        """See Driver."""
        self._driver.close()
