# SPDX-License-Identifier: Apache-2.0
"""All of our packages get a next version while a server runs, and the server does not notice."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudtest import virtual
from cloudtest.acting import NONINTERACTIVE, act, debstack
from cloudtest.observing import assert_no_stumble, restarted
from cloudtest.repacking import next_versions
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

_PINGS = "/root/pings"
_INTERVAL_S = 0.2
_UPGRADE_TIMEOUT_S = 900.0
_RELOADS = ["journalctl", "--quiet", "--output=cat", "--grep=^Reloading finished", "_PID=1"]
#: Those of debhelper, for units of debstack's own and a timer; what OpenStack runs is read once.
_FEW = 8


def ours(node: Node, repository: Path) -> list[str]:
    """Return the names of the packages of ours that are installed."""
    offered = {path.name.partition("_")[0] for path in repository.glob("pool/*/*.deb")}
    shown = act(node, "dpkg-query", "--show", "--showformat=${db:Status-Abbrev}${Package}\n")
    installed = {line.split()[1] for line in shown.stdout.splitlines() if line.startswith("ii")}
    return sorted(offered & installed)


def test_a_server_runs_on_while_everything_is_upgraded(
    make_node: NodeMaker,
    repository: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    node = make_node(stage="all-in-one", packages=[ALL_IN_ONE]).boot()
    virtual.await_cloud(node)
    address = virtual.make_server(node, "first")
    virtual.prove_login(node, address)
    boot = virtual.ssh(node, address, "cat /proc/sys/kernel/random/boot_id")
    names = ours(node, repository)
    for deb in next_versions(repository, names, tmp_path):
        node.copy_in(deb, f"/root/next/{deb.name}")
    assert {"nova-compute", "neutron-ovn-agent", "cinder-volume", "debstack"} <= set(names)

    ping = ["ping", "-D", "-i", str(_INTERVAL_S), address]
    act(node, "systemd-run", "--unit=pings", f"-pStandardOutput=file:{_PINGS}", *ping)
    reloads = len(act(node, *_RELOADS).stdout.splitlines())
    upgrade = ["sh", "-c", "exec apt-get -y install /root/next/*.deb"]
    shown = act(node, *upgrade, env=NONINTERACTIVE, timeout_s=_UPGRADE_TIMEOUT_S).stdout
    act(node, "systemctl", "kill", "--signal=INT", "pings")
    found = virtual.ping_loss(node.read_file(_PINGS))
    with capsys.disabled():
        print(f"\nupgrade of {len(names)} packages: {found}")

    assert "*** " not in shown, shown
    stale = ["systemctl", "show", "--property=NeedDaemonReload", "--value", "*.service", "*.timer"]
    assert set(act(node, *stale).stdout.split()) == {"no"}
    reloads = len(act(node, *_RELOADS).stdout.splitlines()) - reloads
    assert 0 < reloads <= _FEW < len(names)
    versions = act(node, "dpkg-query", "--show", *names).stdout
    assert versions.count("+next") == len(names), versions
    assert virtual.ssh(node, address, "cat /proc/sys/kernel/random/boot_id") == boot
    assert found.sent > 20
    # How long the longest gap was is printed; here only that the server was there all along.
    assert found.lost <= found.sent // 10, found
    assert "nothing to do" in debstack(node, "apply").stdout
    virtual.await_cloud(node)
    second = virtual.make_server(node, "second")
    assert "user data ran" in virtual.prove_login(node, second)
    assert restarted(node) == {}
    assert_no_stumble(node)
