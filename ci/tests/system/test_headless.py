# SPDX-License-Identifier: Apache-2.0
"""What QEMU has for desktops stays away from servers, and stays on desktops."""

from __future__ import annotations

import pytest

from cloudtest.acting import act, apt
from cloudtest.stages import NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

WANTED = "openstack-compute"
HEADLESS = "openstack-headless"
GRAPHICAL = {"qemu-system-gui", "qemu-system-modules-opengl", "qemu-system-modules-spice"}
_CONTROL = """\
Package: {name}
Version: 9:1
Architecture: amd64
Maintainer: Somebody <somebody@example.org>
Description: stands for the package of this name
"""
#: apt's solver of Debian 13, and the one that follows it.
SOLVERS = ("internal", "3.0")


@pytest.fixture(scope="module")
def server(make_module_node: NodeMaker) -> Node:
    """A bare machine that can install a compute node."""
    return make_module_node("one", packages=[WANTED]).boot()


@pytest.fixture(scope="module")
def desktop(make_module_node: NodeMaker) -> Node:
    """The same with a desktop and QEMU's windows, as far as apt can see."""
    node = make_module_node("two", packages=[WANTED]).boot()
    for name in ("xwayland", *sorted(GRAPHICAL)):
        node.write_file(f"/tmp/{name}/DEBIAN/control", _CONTROL.format(name=name))
        act(node, "dpkg-deb", "--build", f"/tmp/{name}")
        act(node, "dpkg", "--install", f"/tmp/{name}.deb")
    return node


def planned(node: Node, *arguments: str, solver: str = SOLVERS[0]) -> dict[str, set[str]]:
    """Return what apt would install ("Inst") and remove ("Remv")."""
    shown = apt(node, "--simulate", "--solver", solver, "install", *arguments).stdout
    lines = [line.split() for line in shown.splitlines()]
    return {kind: {line[1] for line in lines if line[:1] == [kind]} for kind in ("Inst", "Remv")}


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_server_gets_nothing_of_a_desktop(server: Node, solver: str) -> None:
    wanted = [WANTED] if solver == SOLVERS[0] else [WANTED, HEADLESS]
    found = planned(server, *wanted, solver=solver)["Inst"]
    assert {WANTED, HEADLESS, "qemu-system-x86", "ovmf"} <= found
    assert not found & GRAPHICAL
    assert not [name for name in found if name.startswith(("libgtk", "libllvm", "gstreamer"))]


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_desktop_keeps_what_it_has(desktop: Node, solver: str) -> None:
    found = planned(desktop, WANTED, solver=solver)
    assert WANTED in found["Inst"]
    assert HEADLESS not in found["Inst"]
    assert not found["Remv"]


def test_who_wants_windows_on_a_server_gets_them(server: Node) -> None:
    apt(server, "install", HEADLESS)
    found = planned(server, "qemu-system-gui")
    assert found["Remv"] == {HEADLESS}
    assert "qemu-system-gui" in found["Inst"]
