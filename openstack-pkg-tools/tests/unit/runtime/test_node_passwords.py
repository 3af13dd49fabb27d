# SPDX-License-Identifier: Apache-2.0
"""RabbitMQ users that single machines have for themselves: who they are, and how they go."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import pytest
from unit.runtime.making import FACTS, all_manifests, inputs, manifests_of

from debstack.base.errors import DebstackError
from debstack.base.secret import Secret
from debstack.runtime import export, purge, rabbitmq
from debstack.runtime.nodes import command, passwords
from debstack.runtime.resolve import resolve
from debstack.runtime.steps.messaging import build

NAME = "glance/messaging-password"
HELD = {"image-1": {NAME: Secret("a@b"), "nova/messaging-password": Secret("no such package")}}


@pytest.mark.parametrize("name", ["compute-1", "Node7", "c1.example.org"])
def test_host_names_are_names_of_machines(name: str) -> None:
    assert passwords.checked_node(name) == name


@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a b",
        "-a",
        "a@b",
        "10.0.0.4",
        "fd00::4",
        "a\nb",
        "x" * 64,
        "ü",
    ],
)
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(DebstackError, match="--node: expected the name of a machine") as caught:
        passwords.checked_node(name)
    assert caught.value.message.isprintable()


def test_the_files_are_read_by_machine(tmp_path: Path) -> None:
    assert passwords.held(tmp_path) == {}
    path = tmp_path / passwords.path_of("compute-1").lstrip("/")
    path.parent.mkdir(parents=True)
    path.write_text(f"{passwords.HEADER}nova-common nova/messaging-password password a b\n")
    (path.parent / ".compute-2.preseed.debstack-new").write_text("half")
    assert passwords.held(tmp_path) == {"compute-1": {"nova/messaging-password": "a b"}}


def test_the_machine_with_the_broker_makes_the_users_of_the_others() -> None:
    site = resolve(dataclasses.replace(inputs(all_manifests()), node_secrets=HELD))
    (account,) = site.messaging_of_nodes
    assert (account.name, account.user, account.password) == ("glance", "glance@image-1", "a@b")
    assert site.messaging["glance"].user == "glance"
    (step,) = build(SimpleNamespace(site=site))  # type: ignore[arg-type]
    assert step.declared() == [
        "set up RabbitMQ virtual host and user glance",
        "set up RabbitMQ virtual host and user keystone",
        "set up RabbitMQ user glance@image-1",
    ]


def test_a_machine_without_the_broker_makes_none() -> None:
    answered = inputs(all_manifests(), {"openstack/messaging-host": "mq"})
    assert resolve(dataclasses.replace(answered, node_secrets=HELD)).messaging_of_nodes == ()
    bare = inputs(all_manifests(), facts=dataclasses.replace(FACTS, servers=frozenset()))
    assert resolve(dataclasses.replace(bare, node_secrets=HELD)).messaging_of_nodes == ()


@pytest.mark.parametrize(
    ("host", "user"), [("mq", "glance%40image-1"), ("", "glance")], ids=["elsewhere", "here"]
)
def test_a_machine_uses_its_own_users_at_a_broker_elsewhere(host: str, user: str) -> None:
    answers = {"openstack/messaging-host": host, "openstack/messaging-node": "image-1"}
    account = resolve(inputs(all_manifests(), answers)).messaging["glance"]
    assert account.url.startswith(f"rabbit://{user}:pw-glance%2Fmessaging-password@")
    assert account.url.endswith("/glance")


def test_only_a_machine_that_is_named_is_told_its_name() -> None:
    glance = manifests_of("debstack") + manifests_of("glance")
    site = resolve(inputs(all_manifests()))
    held = {NAME: Secret("own")}
    found = export.handed_on(site, glance, "compute", given={}, held=held, node="image-1")
    assert found.answers["openstack/messaging-node"] == "image-1"
    assert found.secrets[NAME] == "own"
    found = export.handed_on(site, glance, "compute", given={}, held=held)
    assert "openstack/messaging-node" not in found.answers
    keystone_only = manifests_of("debstack")
    found = export.handed_on(site, keystone_only, "x", given={}, held=held, node="image-1")
    assert "openstack/messaging-node" not in found.answers


def test_new_passwords_are_for_one_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(export, "require_root", lambda: None)
    with pytest.raises(DebstackError, match="--node is missing"):
        export.export("compute", renew=True)
    with pytest.raises(DebstackError, match=r'--node: .*found ""'):
        export.export("compute", node="", renew=True)


def broker(monkeypatch: pytest.MonkeyPatch, users: Sequence[str]) -> list[tuple[str, ...]]:
    ran: list[tuple[str, ...]] = []

    def control(*arguments: str) -> str:
        ran.append(arguments)
        return "".join(f"{user}\t[]\n" for user in users)

    monkeypatch.setattr(rabbitmq, "control", control)
    return ran


def test_a_forgotten_machine_loses_its_users_and_their_passwords_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran = broker(monkeypatch, ["glance", "glance@image-1", "glance@image-2"])
    site = resolve(dataclasses.replace(inputs(all_manifests()), node_secrets=HELD))
    machine = SimpleNamespace(
        root=tmp_path, node_secrets=HELD, context=lambda: SimpleNamespace(site=site)
    )
    changes = command.account_removals(machine, "image-1")  # type: ignore[arg-type]
    path = tmp_path / "etc/debstack/nodes/image-1.preseed"
    assert [change.summary for change in changes] == [
        "delete RabbitMQ user glance@image-1",
        f"delete {path}",
    ]
    path.parent.mkdir(parents=True)
    path.touch()
    for change in changes:
        change.perform()
    assert ran[-1] == ("delete_user", "glance@image-1")
    assert not path.exists()
    assert command.account_removals(machine, "image-2") == []  # type: ignore[arg-type]


def test_a_purged_service_takes_its_users_on_all_machines_along(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broker(monkeypatch, ["glance", "glance@image-1", "nova@image-1"])
    common = next(m for m in manifests_of("glance") if m.package.messaging)
    made = dataclasses.replace(inputs(all_manifests()), node_secrets=HELD)
    work = purge.Purge(manifest=common, installed=(), inputs=made, root=tmp_path)
    told = [change.summary for change in purge.messaging_removals(work)]
    assert "delete RabbitMQ user glance" in told
    assert "delete RabbitMQ user glance@image-1" in told
    assert "delete RabbitMQ user nova@image-1" not in told
    path = tmp_path / "etc/debstack/nodes/image-1.preseed"
    path.parent.mkdir(parents=True)
    path.write_text(f"glance-common {NAME} password x\nnova-common nova/x password y\n")
    (change,) = purge.file_removals(work)
    assert change.summary == f"forget {NAME} of image-1"
    change.perform()
    assert path.read_text() == "nova-common nova/x password y\n"
