# SPDX-License-Identifier: Apache-2.0
"""messaging:rabbitmq: all virtual hosts, their users, passwords and permissions."""

from __future__ import annotations

from collections.abc import Sequence

from debstack.base.errors import MessagingError
from debstack.runtime.context import Context
from debstack.runtime.rabbitmq import Standing, remote_hint, repair, standing
from debstack.runtime.site import MessagingAccount
from debstack.runtime.step import Change, Step


class MessagingStep(Step):
    """The accounts of this machine's services at the broker."""

    id = "messaging:rabbitmq"
    needs = frozenset({"files:site", "server:rabbitmq"})

    def __init__(
        self, accounts: Sequence[MessagingAccount], hosts: Sequence[str], *, local: bool
    ) -> None:
        self._accounts = accounts
        self._hosts = hosts
        self._local = local

    def changes(self) -> Sequence[Change]:
        """See Step. Raises MessagingError."""
        found = {a.name: standing(a, self._hosts, local=self._local) for a in self._accounts}
        wrong = [a for a in self._accounts if found[a.name] is not Standing.FINE]
        if wrong and not self._local:
            raise MessagingError(
                "RabbitMQ at "
                + ", ".join(self._hosts)
                + ": "
                + "; ".join(f"{a.name}: {found[a.name].value}" for a in wrong),
                hint=remote_hint(wrong[0]),
            )
        return self._repairs(wrong)

    def _repairs(self, wrong: Sequence[MessagingAccount]) -> list[Change]:
        """Return a change for each account; the first one performed does all, in one go."""
        done: list[bool] = []

        def perform() -> None:
            if not done:
                repair(wrong, self._hosts)
                done.append(True)

        return [Change(summary=_summary(account), perform=perform) for account in wrong]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [_summary(account) for account in self._accounts] if self._local else []


def _summary(account: MessagingAccount) -> str:
    return f"set up RabbitMQ virtual host and user {account.name}"


def build(context: Context) -> list[Step]:
    """Return the step, where this machine's services have accounts at a broker."""
    site = context.site
    if not site.messaging:
        return []
    accounts = [site.messaging[name] for name in sorted(site.messaging)]
    return [MessagingStep(accounts, site.messaging_hosts, local=site.messaging_local)]
