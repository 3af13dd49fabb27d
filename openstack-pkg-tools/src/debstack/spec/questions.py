# SPDX-License-Identifier: Apache-2.0
"""The questions a package asks: those it declares, and those that its declarations imply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from debstack.spec.vocabulary import (
    Component,
    Database,
    Manifest,
    Package,
    Priority,
    Question,
    QuestionType,
    ServiceUser,
)

#: debstack's own prefix: what the whole machine shares.
SHARED_PREFIX = "openstack"
PURGE_KEY = "purge-data"

_GENERATED = "Leave it empty to have one generated."
_KEPT = "It is kept in /etc/debstack/secrets.preseed, readable by root alone."
_PURGE_TEXT = """
The package is being purged. Its database, its entries in the Keystone catalogue \
and the files of its users can be deleted with it.

There is no way back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Password:
    """A password that a declaration implies. `name` is the account's, `key` the question's."""

    key: str
    name: str
    #: What the account is: database, service or messaging.
    kind: str
    #: The same, or domain for a user that has its roles on a domain.
    told: str


def prefix_of(owner: Component | Manifest) -> str:
    """Return the prefix of the questions of `owner`."""
    return owner.question_prefix or owner.source


def _accounts(kind: str, package: Package) -> Mapping[str, object]:
    tables: dict[str, Mapping[str, object]] = {
        "database": package.database,
        "service": package.service_user,
        "messaging": package.messaging,
    }
    return tables[kind]


def _user(name: str, account: object) -> str:
    return (account.user or name) if isinstance(account, Database) else name


def _told(kind: str, account: object) -> str:
    return "domain" if isinstance(account, ServiceUser) and not account.project else kind


def passwords(component: Component, binary: str) -> tuple[Password, ...]:
    """Return the passwords of `binary`'s accounts; databases of one user have the same.

    A key holds the user's name if the source, all packages together, declares several of the kind;
    that of a user with its roles on a domain always does.
    """
    found = []
    for kind in ("database", "service", "messaging"):
        everywhere = [_accounts(kind, package) for package in component.package.values()]
        users = {
            _user(name, account)
            for table in everywhere
            for name, account in table.items()
            if _told(kind, account) == kind
        }
        for name, account in _accounts(kind, component.package[binary]).items():
            told = _told(kind, account)
            which = "" if told == kind and len(users) == 1 else f"{_user(name, account)}-"
            key = f"{kind}-{which}password"
            found.append(Password(key=key, name=name, kind=kind, told=told))
    return tuple(found)


_SUMMARIES = {
    "database": "Password of the service's database user:",
    "service": "Password of the service's Keystone user:",
    "domain": "Password of the user of the service's Keystone domain:",
    "messaging": "Password of the service's RabbitMQ user:",
}


def password_question(password: Password) -> Question:
    """Return the question that takes `password`: of low priority, since it can be generated."""
    return Question(
        summary=_SUMMARIES[password.told],
        text=f"{_GENERATED}\n\n{_KEPT}",
        type=QuestionType.PASSWORD,
        priority=Priority.LOW,
    )


def has_data(package: Package) -> bool:
    """Say whether purging `package` can delete anything that its users may miss."""
    return bool(
        package.database
        or package.key_repository
        or package.domain
        or package.role
        or package.service_user
        or package.service
        or package.messaging
        or package.data
        or any(task.undo for task in package.task.values())
    )


def purge_question() -> Question:
    """Return the question that postrm asks before anything of the users is deleted."""
    return Question(
        summary="Delete the data of this service?",
        text=_PURGE_TEXT,
        type=QuestionType.BOOLEAN,
        default="false",
        priority=Priority.HIGH,
    )


def all_questions(component: Component, binary: str) -> dict[str, Question]:
    """Return key to question of everything that `binary` may ask before it is configured."""
    asked = dict(component.package[binary].question)
    for password in passwords(component, binary):
        asked[password.key] = password_question(password)
    return asked
