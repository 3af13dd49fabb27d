# SPDX-License-Identifier: Apache-2.0
"""The dashboard, added to a cloud by apt, and looked at in a real browser."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from cloudtest import browser, virtual
from cloudtest.acting import act, apt, debstack, inside, openstack_json
from cloudtest.observing import unsettled
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from testbed.node import Node

# Long: minutes more than there are in make test.
pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

PACKAGE = "openstack-dashboard"
SETTINGS = "/etc/horizon/local_settings.d"
PORT = 8090


@pytest.fixture(scope="module")
def cloud(make_module_node: NodeMaker) -> Node:
    """An all-in-one with the networks of debstack demo, to which the dashboard was added."""
    node = make_module_node(stage="all-in-one", packages=[ALL_IN_ONE, PACKAGE]).boot()
    virtual.await_cloud(node)
    apt(node, "install", PACKAGE)
    return node


@pytest.fixture(scope="module")
def url(cloud: Node) -> str:
    """Where the dashboard is."""
    return f"https://{cloud.address}:{PORT}"


@pytest.fixture(scope="module")
def seen(cloud: Node, url: str, make_module_node: NodeMaker) -> dict[str, Any]:
    """What a person saw in a browser on another machine."""
    clouds = yaml.safe_load(cloud.read_file("/root/.config/openstack/clouds.yaml"))
    account = clouds["clouds"]["admin"]["auth"]
    node = make_module_node("browser", stage="browser", packages=[]).boot()
    found = browser.visit(node, url, account)
    print(f"seconds: {found['seconds']}; pictures: {browser.PICTURES}")
    return found


def test_all_is_in_order_and_a_second_apply_does_nothing(cloud: Node) -> None:
    assert unsettled(cloud) == {}
    told = debstack(cloud, "apply").stdout
    assert re.search(r"nothing to do|0 changes", told), told
    debstack(cloud, "status")


def test_a_session_outlives_restarts_and_strangers_are_refused(cloud: Node, url: str) -> None:
    assert inside(cloud, "dashboard_session", url) == {
        "known": {
            "login": True,
            "restart of memcached": True,
            "stop of memcached": True,
            "restart of the dashboard": True,
        },
        "http-only": True,
        "session-id": True,
        "foreign-host": 400,
        "out-of-static": 404,
        "stranger": "/auth/login/",
        "encoding": "gzip",
        "type": "text/css",
        "kept": True,
    }


def test_secrets_are_for_the_dashboard_alone(cloud: Node) -> None:
    shown = act(cloud, "stat", "--format=%a %U:%G", f"{SETTINGS}/50-debstack.py").stdout
    assert shown.strip() == "640 root:horizon"
    shown = act(cloud, "stat", "--format=%a %U:%G", "/var/lib/horizon/sessions").stdout
    assert shown.strip() == "750 horizon:horizon"
    nobody = ["runuser", "-u", "nobody", "--", "cat", f"{SETTINGS}/50-debstack.py"]
    assert act(cloud, *nobody, check=False).code != 0


def test_a_person_works_with_the_cloud_in_a_browser(cloud: Node, seen: dict[str, Any]) -> None:
    assert seen["failure"] == ""
    steps = ["login", "images", "topology", "instance", "console", "logout"]
    assert list(seen["seconds"]) == steps
    for name in steps:
        assert (browser.PICTURES / f"{name}.png").stat().st_size > 10_000, name
    assert seen["console"]["width"] >= 640
    servers = openstack_json(cloud, "server", "list")
    assert [server["Status"] for server in servers] == ["ACTIVE"]


def test_the_browser_has_nothing_to_complain_about(seen: dict[str, Any]) -> None:
    assert seen["complaints"] == []


_FETCH = "import sys, urllib.request as r; print(r.urlopen(sys.argv[1]).read().decode())"


def test_a_mistake_of_the_administrator_is_named(cloud: Node) -> None:
    local = f"{SETTINGS}/90-local.py"
    cloud.write_file(local, "SESSION_TIMEOUT = 7200\nSITE_BRANDING =\n", mode=0o644)
    failed = debstack(cloud, "apply", check=False)
    assert failed.code == 3
    found = debstack(cloud, "doctor", check=False).stdout
    assert f"{local}: not Python: invalid syntax" in found
    cloud.write_file(local, 'SITE_BRANDING = "Our cloud"\n', mode=0o644)
    debstack(cloud, "apply")
    page = act(cloud, "python3", "-c", _FETCH, f"https://{cloud.address}:{PORT}/auth/login/").stdout
    assert "Our cloud" in page
    act(cloud, "rm", local)
    assert "restart openstack-dashboard" in debstack(cloud, "apply").stdout
