# SPDX-License-Identifier: Apache-2.0
"""messaging:rabbitmq: all virtual hosts, their users, passwords and permissions."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from debstack.base.errors import MessagingError
from debstack.runtime.context import Context
from debstack.runtime.rabbitmq import Standing, remote_hint, repair, standing
from debstack.runtime.site import MessagingAccount
from debstack.runtime.step import Change, Step

#: Accounts that are looked at at the same time: each machine of a cloud may have some.
_LOGINS = 8


class MessagingStep(Step):
    """The accounts of this machine's services at the broker, and those of other machines there."""

    id = "messaging:rabbitmq"
    needs = frozenset({"files:site", "answers:authorities", "server:rabbitmq", "tls:trust"})

    def __init__(self, accounts: Sequence[MessagingAccount]) -> None:
        self._accounts = accounts

    def changes(self) -> Sequence[Change]:
        """See Step. Raises MessagingError."""
        with ThreadPoolExecutor(max_workers=_LOGINS) as pool:
            found = dict(
                zip((a.user for a in self._accounts), pool.map(_look, self._accounts), strict=True)
            )
        wrong = [a for a in self._accounts if found[a.user] is not Standing.FINE]
        elsewhere = [a for a in wrong if not a.broker.local]
        if elsewhere:
            broker = elsewhere[0].broker
            raise MessagingError(
                "RabbitMQ at "
                + ", ".join(broker.hosts)
                + ": "
                + "; ".join(
                    f"{a.user}: {found[a.user].value}" for a in elsewhere if a.broker == broker
                ),
                hint=remote_hint(elsewhere[0]),
            )
        return self._repairs(wrong)

    def _repairs(self, wrong: Sequence[MessagingAccount]) -> list[Change]:
        """Return a change for each account; the first one performed does all, in one go."""
        done: list[bool] = []

        def perform() -> None:
            if not done:
                repair(wrong, wrong[0].broker)
                done.append(True)

        return [Change(summary=_summary(account), perform=perform) for account in wrong]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [_summary(account) for account in self._accounts if account.broker.local]


def _look(account: MessagingAccount) -> Standing:
    return standing(account, account.broker)


def _summary(account: MessagingAccount) -> str:
    if account.user != account.name:
        return f"set up RabbitMQ user {account.user}"
    return f"set up RabbitMQ virtual host and user {account.name}"


def build(context: Context) -> list[Step]:
    """Return the step, where this machine's services have accounts at a broker."""
    site = context.site
    if not site.messaging:
        return []
    accounts = [site.messaging[name] for name in sorted(site.messaging)]
    accounts += site.messaging_of_nodes
    return [MessagingStep(accounts)]
