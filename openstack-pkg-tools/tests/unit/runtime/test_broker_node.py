# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from debstack.base.errors import MessagingError
from debstack.base.run import Result
from debstack.runtime import broker_node

LOOPBACK = "127.0.0.1 localhost\n127.0.1.1 node.example.org node\n"
OWN = "127.0.0.1 localhost\n10.0.0.4 node # ours\nfd00::4 node\n"


def write(root: Path, name: str, text: str) -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def found(root: Path, hosts: str, hostname: str = "node") -> str:
    write(root, "etc/hosts", hosts)
    return broker_node.address(root, hostname, "10.0.0.4")


@pytest.mark.parametrize(
    ("hosts", "expected"),
    [
        (LOOPBACK, "127.0.1.1"),
        (OWN, "10.0.0.4"),
        ("fd00::4 node\n127.0.1.1 node\n", "127.0.1.1"),
        ("127.0.0.1 localhost node\n", "127.0.0.1"),
        ("# 127.0.1.1 node\n127.0.0.1 localhost\n", ""),
        ("192.0.2.9 node\n", ""),
        ("what? node\n", ""),
        ("", ""),
    ],
)
def test_the_node_listens_where_its_name_leads(tmp_path: Path, hosts: str, expected: str) -> None:
    assert found(tmp_path, hosts) == expected


def test_the_short_name_counts(tmp_path: Path) -> None:
    assert found(tmp_path, LOOPBACK, "node.example.org") == "127.0.1.1"


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("#NODENAME=rabbit", "127.0.1.1"),
        ("NODENAME=rabbit@mq", ""),
        ("export RABBITMQ_USE_LONGNAME=true", ""),
    ],
)
def test_a_name_of_the_administrators_is_left_alone(
    tmp_path: Path, line: str, expected: str
) -> None:
    write(tmp_path, "etc/rabbitmq/rabbitmq-env.conf", f"# names\n{line}\n")
    assert found(tmp_path, LOOPBACK) == expected


@pytest.mark.parametrize(
    ("members", "expected"),
    [("rabbit@node", "127.0.1.1"), ("rabbit@node,'rabbit@node-2'", "")],
)
def test_a_member_of_a_cluster_is_left_alone(tmp_path: Path, members: str, expected: str) -> None:
    nodes = "var/lib/rabbitmq/mnesia/rabbit@node/cluster_nodes.config"
    write(tmp_path, nodes, f"{{[{members}],[rabbit@node]}}.\n")
    assert found(tmp_path, LOOPBACK) == expected


def says(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    told = list(answers)

    def epmd(_argv: Sequence[str], **_options: object) -> Result:
        text = told.pop(0) if len(told) > 1 else told[0]
        return Result(
            code=0, stdout=f"epmd: up and running on port 4369 with data:\n{text}", stderr=""
        )

    monkeypatch.setattr(broker_node, "run", epmd)
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)


RABBIT = "name rabbit at port 25672\n"


def test_who_is_registered_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, RABBIT + "name other at port 4000\n")
    assert broker_node.registered() == {"rabbit", "other"}
    says(monkeypatch, "")
    assert broker_node.registered() == frozenset()


def test_whoever_was_registered_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    says(monkeypatch, "", "", RABBIT)
    broker_node.await_registered(frozenset({"rabbit"}))
    monkeypatch.setattr(broker_node, "REGISTER_TIMEOUT_S", -1.0)
    with pytest.raises(MessagingError, match="other has not registered again"):
        broker_node.await_registered(frozenset({"rabbit", "other"}))
