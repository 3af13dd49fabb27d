# SPDX-License-Identifier: Apache-2.0
"""The testbed itself, on booted nodes: what other system tests take for granted."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pexpect
import pytest

from debstack.base.errors import CommandError
from debstack.base.run import run
from testbed import network, stage, sweep
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node
from testbed.places import STATE, cache
from testbed.process import cgroup2_mount, groups

pytestmark = [pytest.mark.root, pytest.mark.system]


@pytest.fixture
def bed() -> Iterator[Testbed]:
    with Testbed(f"test-{os.getpid()}") as made:
        yield made


def unreachable_at_once(node: Node, address: str) -> bool:
    begin = time.monotonic()
    script = f"exec 3<>/dev/tcp/{address}/80"
    failed = node.run(["bash", "-c", script], check=False, timeout_s=10).code != 0
    return failed and time.monotonic() - begin < 3


def test_a_node_is_a_whole_debian_and_alone_in_the_world(bed: Testbed) -> None:
    begin = time.monotonic()
    node = bed.create("one")
    assert node.boot().run(["cat", "/etc/hostname"]).stdout == "one\n"
    assert time.monotonic() - begin < 60
    assert node.run(["systemctl", "is-system-running"]).stdout == "running\n"
    assert "VERSION_CODENAME=trixie" in node.read_file("/etc/os-release")
    route = node.run(["ip", "route", "get", "192.0.2.1"]).stdout
    assert f"src {node.address} " in route
    assert unreachable_at_once(node, "192.0.2.1")
    assert unreachable_at_once(node, "169.254.169.254")
    assert node.run(["getent", "hosts", "debian.example"], check=False).code == 2


def test_nodes_reach_each_other_on_their_networks_only(bed: Testbed) -> None:
    one = bed.create("one", networks=["default", "storage"]).boot()
    two = bed.create("two", networks=["storage"]).boot()
    alone = bed.create("alone", networks=["elsewhere"]).boot()
    for name in ("two", two.address, two.address6):
        one.run(["ping", "-c1", "-W2", name])
    two.run(["ping", "-c1", "-W2", "one-storage"])
    for address in (one.address, two.address):
        assert alone.run(["ping", "-c1", "-W1", address], check=False).code != 0
    assert "two" not in alone.read_file("/etc/hosts")
    with two.cut_off():
        assert one.run(["ping", "-c1", "-W1", two.address], check=False).code != 0
    one.run(["ping", "-c3", "-W2", two.address])
    two.run(["ping", "-c3", "-W2", "one-storage"])


def test_a_node_can_be_made_again_at_once(bed: Testbed) -> None:
    bed.create("neighbour")
    for _ in range(10):
        address = bed.create("one").address
        bed.destroy("one")
    assert address == bed.create("one").address


def test_packages_install_without_a_network_if_they_were_fetched(bed: Testbed) -> None:
    node = bed.create("one", packages=["hello"]).boot()
    node.run(["apt-get", "install", "-y", "hello"])
    assert node.run(["hello"]).stdout == "Hello, world!\n"
    begin = time.monotonic()
    with pytest.raises(CommandError, match="node one: apt-get install -y cowsay: exit code 100"):
        node.run(["apt-get", "install", "-y", "cowsay"])
    assert time.monotonic() - begin < 30


def test_a_power_cut_ends_everything_and_keeps_what_was_written(bed: Testbed) -> None:
    node = bed.create("one").boot()
    node.run(["systemd-run", "--unit=sleeper", "sleep", "1000"])
    node.write_file("/root/kept", "yes", mode=0o600)
    begin = time.monotonic()
    node.kill()
    assert time.monotonic() - begin < 5
    assert node.running() is None
    assert node.read_file("/root/kept") == "yes"
    assert "sleeper" in node.journal("--unit=sleeper")
    node.boot()
    assert node.run(["systemctl", "is-active", "sleeper"], check=False).stdout == "inactive\n"
    assert node.run(["stat", "-c%a", "/root/kept"]).stdout == "600\n"


def test_a_stage_makes_nodes_like_the_one_it_was_taken_of(bed: Testbed, tmp_path: Path) -> None:
    name = f"test-{os.getpid()}"
    node = bed.create("one").boot()
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "file").write_bytes(bytes(range(256)))
    node.copy_in(tmp_path, "/srv/copied")
    node.run(["userdel", "games"])
    node.shutdown()
    stage.snapshot(node, name)
    try:
        node.boot().run(["rm", "-r", "/srv/copied"])
        other = bed.create("two", from_stage=name).boot()
        assert other.run(["hostname"]).stdout == "two\n"
        assert other.run(["id", "games"], check=False).code == 1
        other.copy_out("/srv/copied", tmp_path / "back")
        assert (tmp_path / "back" / "sub" / "file").read_bytes() == bytes(range(256))
        assert other.run(["test", "-d", "/srv/copied"]).code == 0
    finally:
        stage.remove(name)


def test_in_a_chroot_there_is_no_init_and_nothing_stays(bed: Testbed) -> None:
    node = bed.create("one", packages=["hello"])
    script = "apt-get install -y hello >/dev/null; test ! -d /run/systemd/system; sleep 1000 &"
    node.enter_chroot(["sh", "-ec", script])
    assert f" {node.state}" not in Path("/proc/self/mountinfo").read_text()
    assert node.boot().run(["hello"]).stdout == "Hello, world!\n"


def test_a_terminal_can_be_driven(bed: Testbed) -> None:
    node = bed.create("one").boot()
    argv = node.spawn_argv(["sh", "-c", "read answer </dev/tty; echo got $answer [$FRONT]"])
    child = pexpect.spawn(argv[0], argv[1:], timeout=10, encoding="utf-8", env={"FRONT": "leak"})
    child.sendline("yes")
    child.expect(r"got yes \[\]")
    child.expect(pexpect.EOF)


def test_a_command_that_hangs_is_killed_in_the_node(bed: Testbed) -> None:
    node = bed.create("one").boot()
    with pytest.raises(CommandError, match="the time limit is 1 s"):
        node.run(["sleep", "4321"], timeout_s=1)
    assert node.run(["pgrep", "-x", "sleep"], check=False).code == 1


def traces(name: str) -> list[str]:
    """What of the testbed `name` can be seen on this host."""
    mounts = Path("/proc/self/mountinfo").read_text().splitlines()
    commands = run(["ps", "-e", "-o", "args="]).stdout.splitlines()
    loops = run(["losetup", "--list", "--noheadings", "--output", "BACK-FILE"]).stdout.split()
    return [
        *(line for line in mounts if name in line),
        *(str(group) for group in groups(cgroup2_mount()) if name in group.name),
        *(line for line in commands if f"--machine={name}" in line),
        *network.namespaces(name),
        *(str(path) for path in cache("nodes").glob(f"{name}.*")),
        *(str(path) for path in STATE.glob(f"{name}*")),
        *(str(path) for path in Path("/run/systemd/nspawn").glob(f"*/*{name}*")),
        *(path for path in loops if name in path),
    ]


def busy_run(name: str) -> None:
    """Boot two nodes, one of which uses a loop device, and never come to an end."""
    with Testbed(name) as bed:
        one = bed.create("one").boot()
        bed.create("two", networks=["default", "storage"]).boot()
        one.run(["mknod", "/dev/loop-control", "c", "10", "237"])
        script = (
            f'truncate -s 1M /{name}.img; n=$(losetup -f | sed "s/[^0-9]//g; s/lost//"); '
            f'mknod -m 600 "/dev/loop$n" b 7 "$n"; losetup "/dev/loop$n" /{name}.img'
        )
        one.run(["sh", "-ec", script])
        one.write_file("/ready", "yes")
        time.sleep(600)


@contextmanager
def other_run(name: str) -> Iterator[int]:
    """Give the pid of another process that is in the midst of `busy_run`."""
    pid = os.fork()
    if pid == 0:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        try:
            busy_run(name)
        finally:
            os._exit(1)

    def ready() -> bool:
        nodes = [node for node in Testbed(name).nodes() if node.name == "one" and node.running()]
        return bool(nodes) and nodes[0].run(["test", "-e", "/ready"], check=False).code == 0

    try:
        wait_until(ready, timeout_s=60, what="the nodes of the other process")
        yield pid
    finally:
        os.kill(pid, signal.SIGKILL)
        os.waitpid(pid, 0)


def test_nothing_is_left_of_a_killed_run_after_the_clean_up() -> None:
    name = f"killed-{os.getpid()}"
    with other_run(name):
        assert name not in sweep.clean()  # its owner lives
        assert traces(name)
    assert name in sweep.clean()
    assert traces(name) == []


def test_nothing_is_left_of_a_run_that_was_told_to_end() -> None:
    name = f"ended-{os.getpid()}"
    with other_run(name) as pid:
        os.kill(pid, signal.SIGTERM)
        wait_until(lambda: not traces(name), what="the other process to take everything away")
