# SPDX-License-Identifier: Apache-2.0
"""database:<source>/<key>: the database, its user, the user's password and rights."""

from __future__ import annotations

from collections.abc import Sequence

from debstack.runtime.context import Context
from debstack.runtime.database.driver import Driver, driver_for
from debstack.runtime.site import SYSTEM_AUTHORITIES, DatabaseAccount
from debstack.runtime.step import Change, Step


class DatabaseStep(Step):
    """One declared database."""

    def __init__(
        self, driver: Driver, account: DatabaseAccount, accounts: Sequence[DatabaseAccount]
    ) -> None:
        self.id = f"database:{account.source}/{account.key}"
        self.needs = frozenset(
            {"files:site", "answers:authorities", "server:mariadb", "server:postgresql"}
        )
        self._driver = driver
        self._account = account
        self._accounts = accounts

    def changes(self) -> Sequence[Change]:
        """See Step. Raises DatabaseError."""
        return self._driver.changes(self._account, self._accounts)

    def declared(self) -> Sequence[str]:
        """See Step."""
        return self._driver.declared(self._account)


def build(context: Context) -> list[Step]:
    """Return a step for each database that the packages of this machine declare."""
    accounts = tuple(context.site.accounts.values())
    if not accounts:
        return []
    driver = driver_for(context.site.database, context.root)
    steps = [DatabaseStep(driver, account, accounts) for account in accounts]
    if context.site.database.ca == SYSTEM_AUTHORITIES:
        for step in steps:
            step.needs |= {"tls:trust"}
    return [*steps]
