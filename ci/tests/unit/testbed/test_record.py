# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

from testbed.network import Interface
from testbed.process import myself
from testbed.record import Bind, Record, Running, nspawn_argv

RECORD = Record(
    bed="b",
    name="one",
    layers=("/c/stage", "/c/base"),
    directory="/c/nodes/b.one.1",
    interfaces=(
        Interface(network="n", device="eth0", host=10, address="10.77.0.10", address6="fd77::a"),
    ),
    binds=(
        Bind(source=Path("/repo"), target="/srv/repo"),
        Bind(source=Path("/work"), target="/work", read_only=False),
    ),
    durable=True,
)


def test_record_survives_writing_down() -> None:
    assert Record.load(json.loads(json.dumps(RECORD.dump()))) == RECORD


def test_running_survives_writing_down() -> None:
    running = Running(supervisor=myself(), leader=myself(), cgroup=Path("/sys/fs/x"), device=7)
    assert Running.load(json.loads(json.dumps(running.dump()))) == running


def test_nspawn_needs_neither_the_hosts_systemd_nor_its_network() -> None:
    argv = nspawn_argv(RECORD, Path("/run/r"))
    assert argv[0] == "systemd-nspawn"
    assert {"--register=no", "--keep-unit", "--directory=/run/r", "--hostname=one"} <= set(argv)
    assert "--network-namespace-path=/run/netns/debstack-testbed.b.node.one" in argv
    assert "--bind-ro=/repo:/srv/repo" in argv
    assert "--bind=/work:/work" in argv
