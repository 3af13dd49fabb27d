# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import replace

import amqp.exceptions
import pytest

from debstack.base.errors import MessagingError, MessagingUnavailable
from debstack.base.secret import Secret
from debstack.runtime import rabbitmq, site
from debstack.runtime.rabbitmq import Standing, definitions, password_hash, standing
from debstack.runtime.site import MessagingAccount
from debstack.runtime.steps import messaging
from debstack.runtime.steps.messaging import MessagingStep

ELSEWHERE = site.Broker(hosts=("mq1:5672", "mq2:5672"))
HERE = replace(ELSEWHERE, local=True)


EVERY = "a'b\"€"


def account(
    name: str = "glance",
    password: str = EVERY,
    user: str | None = None,
    broker: site.Broker = HERE,
) -> MessagingAccount:
    return MessagingAccount(
        name=name,
        user=user or name,
        source=name,
        password=Secret(password),
        url=Secret(""),
        broker=broker,
    )


def test_the_hash_is_rabbitmqs() -> None:
    # The example of RabbitMQ's documentation: salt 908DC60A, password test12.
    told = password_hash("test12", salt=bytes.fromhex("908DC60A"))
    assert told == "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"


def test_definitions_hold_hashes_and_everything_an_account_needs() -> None:
    made = json.loads(definitions([account("nova"), account("glance")]))
    assert [user["name"] for user in made["users"]] == ["glance", "nova"]
    assert made["vhosts"] == [{"name": "glance"}, {"name": "nova"}]
    assert made["permissions"][0] == {
        "user": "glance",
        "vhost": "glance",
        **{right: ".*" for right in ("configure", "write", "read")},
    }
    kept = base64.b64decode(made["users"][0]["password_hash"])
    assert kept[4:] == hashlib.sha256(kept[:4] + EVERY.encode()).digest()
    assert made["users"][0]["tags"] == []


def test_a_machine_has_its_own_user_with_rights_in_one_virtual_host_alone() -> None:
    made = json.loads(definitions([account("nova"), account("nova", user="nova@compute-1")]))
    assert [user["name"] for user in made["users"]] == ["nova", "nova@compute-1"]
    assert made["vhosts"] == [{"name": "nova"}]
    assert [(p["user"], p["vhost"]) for p in made["permissions"]] == [
        ("nova", "nova"),
        ("nova@compute-1", "nova"),
    ]


class Broker:
    """What each host does when an account logs in: a standing, or an exception."""

    def __init__(self, **hosts: Exception | None) -> None:
        self._hosts = hosts

    def connect(self, _account: MessagingAccount, host: str, _ca: str) -> Broker:
        failure = self._hosts[host.partition(":")[0]]
        if failure is not None:
            raise failure
        return self

    def channel(self) -> Broker:
        return self

    def queue_declare(self, *_: object, **__: object) -> Broker:
        return self

    queue = "amq.gen"

    def basic_publish(self, *_: object) -> None: ...

    def basic_get(self, *_: object, **__: object) -> None: ...

    def close(self) -> None: ...


@pytest.mark.parametrize(
    ("failure", "found"),
    [
        (None, Standing.FINE),
        (amqp.exceptions.AccessRefused(), Standing.REFUSED),
        (amqp.exceptions.NotAllowed(), Standing.NO_HOST),
    ],
)
def test_what_a_login_tells(
    failure: Exception | None, found: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rabbitmq, "_connect", Broker(mq1=failure).connect)
    assert standing(account(), ELSEWHERE) is found


def test_another_host_is_asked_where_the_first_is_down(monkeypatch: pytest.MonkeyPatch) -> None:
    broker = Broker(mq1=ConnectionRefusedError(111, "refused"), mq2=None)
    monkeypatch.setattr(rabbitmq, "_connect", broker.connect)
    assert standing(account(), ELSEWHERE) is Standing.FINE


def test_no_broker_at_all_may_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    refused = ConnectionRefusedError(111, "refused")
    monkeypatch.setattr(rabbitmq, "_connect", Broker(mq1=refused, mq2=refused).connect)
    with pytest.raises(MessagingUnavailable, match=r"mq1:5672 .*; mq2:5672") as told:
        standing(account(), HERE)
    assert "systemctl start rabbitmq-server" in (told.value.hint or "")


def test_all_broken_accounts_are_repaired_by_one_import(monkeypatch: pytest.MonkeyPatch) -> None:
    repaired: list[list[str]] = []
    found = {"glance": Standing.REFUSED, "nova": Standing.FINE, "neutron": Standing.NO_HOST}
    monkeypatch.setattr(messaging, "standing", lambda a, broker: found[a.name])

    def repair(accounts: Sequence[MessagingAccount], _broker: site.Broker) -> None:
        repaired.append([a.name for a in accounts])

    monkeypatch.setattr(messaging, "repair", repair)
    step = MessagingStep([account(name) for name in found])
    changes = step.changes()
    assert [c.summary for c in changes] == [
        "set up RabbitMQ virtual host and user glance",
        "set up RabbitMQ virtual host and user neutron",
    ]
    for change in changes:
        change.perform()
    assert repaired == [["glance", "neutron"]]


def test_a_broker_elsewhere_is_not_touched_but_told_about(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(messaging, "standing", lambda *_: Standing.REFUSED)
    step = MessagingStep([account(password="hidden", broker=ELSEWHERE)])
    with pytest.raises(MessagingError, match="glance: no such user") as told:
        step.changes()
    assert "rabbitmqctl set_permissions -p glance glance" in (told.value.hint or "")
    assert "hidden" not in f"{told.value.message}{told.value.hint}"
    assert step.declared() == []


def test_a_user_of_one_machine_is_mended_by_what_the_controller_exports() -> None:
    hint = rabbitmq.remote_hint(account("nova", "hidden", user="nova@compute-1"))
    assert "debstack export --role ROLE --node compute-1 > FILE" in hint
    assert "debconf-set-selections < FILE && debstack apply" in hint
    assert "rabbitmqctl" not in hint
    assert "hidden" not in hint


def test_only_what_is_there_is_deleted(monkeypatch: pytest.MonkeyPatch) -> None:
    ran: list[tuple[str, ...]] = []

    def control(*arguments: str) -> str:
        ran.append(arguments)
        return "/\nglance\n" if arguments[0] == "list_vhosts" else "guest\t[administrator]\n"

    monkeypatch.setattr(rabbitmq, "control", control)
    (change,) = rabbitmq.removals(["glance", "nova"], ["glance", "nova"], local=True)
    change.perform()
    assert ran[-1] == ("delete_vhost", "glance")
    with pytest.raises(MessagingError, match="another machine") as told:
        rabbitmq.removals(["glance"], ["glance"], local=False)
    assert "rabbitmqctl delete_user glance" in (told.value.hint or "")
