# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from debstack.base.errors import CommandError
from debstack.base.run import Result
from testbed import node as nodes
from testbed.loops import parse_listing
from testbed.machine import wait_until
from testbed.node import Node
from testbed.places import TestbedError, write_json
from testbed.process import myself
from testbed.record import Record, Running


@pytest.fixture
def node(scratch: Path) -> Node:
    made = Node(bed="b", name="one")
    made.state.mkdir(parents=True)
    record = Record(bed="b", name="one", layers=("/u", "/base"), directory=str(scratch / "d"))
    write_json(made.state / "node.json", record.dump())
    return made


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch) -> Running:
    found = Running(supervisor=myself(), leader=myself(), cgroup=Path("/x"), device=7)
    monkeypatch.setattr(Node, "running", lambda self: found)
    return found


def test_commands_enter_every_namespace_of_the_nodes_init(node: Node, running: Running) -> None:
    argv = node.enter_argv(["true"])
    assert argv[:3] == ["nsenter", "--target", str(running.leader.pid)]
    assert {"--mount", "--uts", "--ipc", "--net", "--pid"} <= set(argv)
    assert argv[-2:] == ["--", "true"]


def test_a_terminal_command_inherits_nothing(
    node: Node, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_OF_MINE", "x")
    argv = node.spawn_argv(["apt-get", "update"], env={"DEBIAN_FRONTEND": "readline"})
    words = argv[argv.index("env") :]
    assert words[1] == "--ignore-environment"
    assert "DEBIAN_FRONTEND=readline" in words
    assert not any("SECRET_OF_MINE" in word for word in words)
    assert words[-2:] == ["apt-get", "update"]


def test_a_node_that_is_off_says_how_to_switch_it_on(node: Node) -> None:
    with pytest.raises(TestbedError, match="node one: it is switched off") as caught:
        node.run(["true"])
    assert caught.value.hint == "run: python3 -m testbed --bed b boot one"


def test_a_running_node_is_not_entered_as_a_chroot(node: Node, running: Running) -> None:
    with pytest.raises(TestbedError, match="without its init"):
        node.chroot_argv(["true"])


def test_failures_name_the_node_and_the_command_but_no_secret(
    node: Node, running: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = Result(code=9, stdout="said hunter2\n", stderr="")
    monkeypatch.setattr(nodes, "run", lambda *_, **__: failed)
    with pytest.raises(CommandError) as caught:
        node.run(["login", "hunter2"], secrets=["hunter2"])
    assert caught.value.message == "node one: login ****: exit code 9\n    said ****"


def test_waiting_ends_in_an_error_that_says_for_what() -> None:
    wait_until(lambda: True)
    with pytest.raises(TestbedError, match=r"waited 0 s for rain, in vain"):
        wait_until(lambda: False, timeout_s=0.01, what="rain", interval_s=0.001)


def test_loop_devices_are_told_by_the_file_system_of_their_file() -> None:
    text = '{"loopdevices": [{"name": "/dev/loop7", "back-maj:min": "       0:93 "}]}'
    assert parse_listing(text) == {"/dev/loop7": 93}
    assert parse_listing("") == {}
