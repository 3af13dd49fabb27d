# SPDX-License-Identifier: Apache-2.0
"""Where no service can run, installing succeeds, and the first boot does the work."""

from __future__ import annotations

import pytest

from cloudtest.acting import act, apt, debstack, preseed, status
from cloudtest.observing import await_first_boot, identity, image_comes_back
from cloudtest.stages import NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

POLICY = "/usr/sbin/policy-rc.d"


def test_a_keystone_installed_in_a_chroot(make_node: NodeMaker) -> None:
    node = make_node("one", stage="debian")
    preseed(node, {"openstack/region": "Later"}, {})
    shown = apt(node, "install", "keystone").stdout
    assert "left for the first boot (debstack-apply.service)" in shown
    assert node.enter_chroot(["dpkg", "--audit"]).stdout == ""
    assert status(node)["deferred"] is True
    # Whoever makes an image of this machine gives no password and no key away.
    act(node, "sh", "-ec", "! test -e /etc/debstack/secrets.preseed; ! ls /etc/keystone/*-keys/*")
    node.boot(timeout_s=180)
    await_first_boot(node)
    assert {endpoint.region for endpoint in identity(node).endpoints} == {"Later"}
    assert status(node)["deferred"] is False
    assert "nothing to do" in debstack(node, "apply").stdout

    # The same holds where the administrator forbids that services are started.
    node.write_file(POLICY, "#!/bin/sh\nexit 101\n", mode=0o755)
    debstack(node, "answers", "set", "openstack/public-host", "cloud.example.org")
    assert "policy-rc.d" in debstack(node, "apply").stdout
    assert identity(node).urls("identity")["public"] == f"https://{node.address}:5000/v3"
    act(node, "rm", POLICY)
    node.reboot(timeout_s=180)
    await_first_boot(node)
    found = identity(node)
    assert found.urls("identity")["public"] == "https://cloud.example.org:5000/v3"


def test_a_controller_installed_in_a_chroot(deferred: Node) -> None:
    assert status(deferred)["deferred"] is True
    deferred.boot(timeout_s=180)
    await_first_boot(deferred)
    image_comes_back(deferred)
    assert "nothing to do" in debstack(deferred, "apply").stdout
