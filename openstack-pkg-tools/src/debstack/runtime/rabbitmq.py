# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ: asking by a real login (no Erlang needed), repairing by one import of definitions."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import pwd
import shlex
import ssl
import tempfile
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from functools import partial
from pathlib import Path

import amqp
import amqp.exceptions

from debstack.base.errors import CommandError, MessagingError, MessagingUnavailable
from debstack.base.run import run
from debstack.runtime.site import Broker, MessagingAccount
from debstack.runtime.step import Change
from debstack.runtime.urls import split_host_port

SYSTEM_USER = "rabbitmq"
SALT_BYTES = 4
CONNECT_TIMEOUT_S = 10.0
CONTROL_TIMEOUT_S = 120.0
# rabbitmqctl returns before the broker has taken in what it was given.
IMPORT_TIMEOUT_S = 30.0
IMPORT_POLL_S = 0.1
LOCAL_HINT = "start it (systemctl start rabbitmq-server), then run: debstack apply"


class Standing(StrEnum):
    """How an account stands at the broker."""

    FINE = "fine"
    REFUSED = "no such user, or another password"
    NO_HOST = "no such virtual host, or no right to it"
    NO_RIGHTS = "no right to declare, write or read"


def password_hash(password: str, salt: bytes | None = None) -> str:
    """Return what RabbitMQ keeps of a password, with a random salt unless one is given."""
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    digest = hashlib.sha256(salt + password.encode()).digest()
    return base64.b64encode(salt + digest).decode()


def definitions(accounts: Iterable[MessagingAccount]) -> str:
    """Return the JSON that makes each account's user, virtual host and permissions."""
    named = sorted(accounts, key=lambda account: account.user)
    return json.dumps(
        {
            "users": [
                {
                    "name": account.user,
                    "password_hash": password_hash(account.password),
                    "hashing_algorithm": "rabbit_password_hashing_sha256",
                    "tags": [],
                    "limits": {},
                }
                for account in named
            ],
            "vhosts": [{"name": name} for name in sorted({account.name for account in named})],
            "permissions": [
                {
                    "user": account.user,
                    "vhost": account.name,
                    **dict.fromkeys(("configure", "write", "read"), ".*"),
                }
                for account in named
            ],
        }
    )


def remote_hint(account: MessagingAccount) -> str:
    """Return what to run at a broker that debstack does not administer."""
    name = shlex.quote(account.name)
    node = account.user.removeprefix(account.name).removeprefix("@")
    if node:
        return (
            f"on the controller: debstack export --role ROLE --node {shlex.quote(node)} > FILE; "
            "on this machine: debconf-set-selections < FILE && debstack apply"
        )
    return (
        f"on the RabbitMQ server, as root: rabbitmqctl add_vhost {name}; "
        f"rabbitmqctl add_user {name} (it asks for the password, so that no argument shows it; "
        f"change_password {name} if the user exists); "
        f"rabbitmqctl set_permissions -p {name} {name} '.*' '.*' '.*'; "
        f"the password is printed by: debstack secrets show {account.source}/messaging-password"
    )


def _secured(host: str, ca: str) -> dict[str, object] | bool:
    if not ca:
        return False
    name, _port = split_host_port(host, 0)
    return {"ca_certs": ca, "cert_reqs": ssl.CERT_REQUIRED, "server_hostname": name}


def _connect(account: MessagingAccount, host: str, ca: str) -> amqp.Connection:
    connection = amqp.Connection(
        host=host,
        userid=account.user,
        password=str(account.password),
        virtual_host=account.name,
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=CONNECT_TIMEOUT_S,
        write_timeout=CONNECT_TIMEOUT_S,
        login_method="AMQPLAIN",
        ssl=_secured(host, ca),
    )
    connection.connect()
    return connection


def _standing_at(account: MessagingAccount, host: str, ca: str) -> Standing:
    try:
        connection = _connect(account, host, ca)
    except amqp.exceptions.AccessRefused:
        return Standing.REFUSED
    except amqp.exceptions.NotAllowed:
        return Standing.NO_HOST
    try:
        channel = connection.channel()
        queue = channel.queue_declare("", exclusive=True, auto_delete=True).queue
        channel.basic_publish(amqp.Message("debstack"), "", queue)
        channel.basic_get(queue, no_ack=True)
    except amqp.exceptions.AccessRefused:
        return Standing.NO_RIGHTS
    finally:
        with suppress(OSError, amqp.exceptions.AMQPError):  # the answer is known by now
            connection.close()
    return Standing.FINE


def standing(account: MessagingAccount, broker: Broker) -> Standing:
    """Return how `account` stands at the first machine of `broker` that answers.

    Raises MessagingUnavailable if none does.
    """
    failures = []
    for host in broker.hosts:
        try:
            return _standing_at(account, host, broker.ca)
        except (OSError, amqp.exceptions.AMQPError) as error:
            failures.append((host, error))
    told = "; ".join(f"{host} ({error})" for host, error in failures)
    remote = (
        "check that it runs and is reached from here, and openstack/messaging-host in "
        "/etc/debstack/site.preseed; then: debstack apply"
    )
    raise MessagingUnavailable(
        f"RabbitMQ cannot be reached: {told}", hint=LOCAL_HINT if broker.local else remote
    ) from failures[-1][1]


def import_definitions(text: str) -> None:
    """Give the local broker `text` by one rabbitmqctl. Raises MessagingError."""
    try:
        owner = pwd.getpwnam(SYSTEM_USER)
    except KeyError as error:
        raise MessagingError(
            f"system user {SYSTEM_USER}: does not exist", hint="is rabbitmq-server installed?"
        ) from error
    # In memory, for the broker's user alone: rabbitmqctl does not read its standard input.
    descriptor, name = tempfile.mkstemp(prefix="debstack-rabbitmq-", suffix=".json", dir="/run")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            os.fchown(file.fileno(), owner.pw_uid, owner.pw_gid)
        control("import_definitions", name)
    finally:
        Path(name).unlink(missing_ok=True)


def control(*arguments: str) -> str:
    """Return what rabbitmqctl prints for `arguments`. Raises MessagingError."""
    try:
        return run(["rabbitmqctl", "--quiet", *arguments], timeout_s=CONTROL_TIMEOUT_S).stdout
    except CommandError as error:
        raise MessagingError(error.message, hint=LOCAL_HINT) from error


def repair(accounts: Sequence[MessagingAccount], broker: Broker) -> None:
    """Make `accounts` at the local broker, and wait until each of them can work there."""
    import_definitions(definitions(accounts))
    deadline = time.monotonic() + IMPORT_TIMEOUT_S
    for account in accounts:
        while (found := standing(account, broker)) is not Standing.FINE:
            if time.monotonic() > deadline:
                raise MessagingError(
                    f"RabbitMQ user {account.user}: still {found.value} after it was made",
                    hint="see: journalctl -u rabbitmq-server and /var/log/rabbitmq",
                )
            time.sleep(IMPORT_POLL_S)


def removals(virtual_hosts: Sequence[str], users: Sequence[str], *, local: bool) -> list[Change]:
    """Return the changes that delete these virtual hosts and users, those that there are.

    Raises MessagingError, always for a broker that debstack does not administer.
    """
    if not local:
        commands = "; ".join(
            f"rabbitmqctl delete_{kind} {shlex.quote(name)}"
            for kind, names in (("vhost", virtual_hosts), ("user", users))
            for name in names
        )
        raise MessagingError(
            "the broker is on another machine", hint=f"run there, as root: {commands}"
        )
    changes = []
    for kind, told, names, listing in (
        ("vhost", "virtual host", virtual_hosts, ("list_vhosts", "name", "--no-table-headers")),
        ("user", "user", users, ("list_users", "--no-table-headers")),
    ):
        if not names:
            continue
        there = {line.split("\t")[0] for line in control(*listing).splitlines()}
        changes += [
            Change(
                summary=f"delete RabbitMQ {told} {name}",
                perform=partial(_delete, kind, name),
            )
            for name in names
            if name in there
        ]
    return changes


def _delete(kind: str, name: str) -> None:
    control(f"delete_{kind}", name)
