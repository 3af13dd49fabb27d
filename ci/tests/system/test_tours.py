# SPDX-License-Identifier: Apache-2.0
"""The examples of openstack-clients, run by somebody who is a member of a project: a workshop."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping

import pytest

from cloudtest import person, virtual
from cloudtest.acting import apt, inside
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

CLIENTS = "openstack-clients"
EXAMPLES = f"/usr/share/doc/{CLIENTS}/examples"
SAID = "user data of the first server"
_TIMEOUT_S = 900.0
#: By library: with which status, and of what, more than the quota is refused.
REFUSALS = {"openstacksdk": ("403", "instances"), "libcloud": ("409", "security_group")}


@pytest.fixture(scope="module")
def cloud(make_module_node: NodeMaker) -> Node:
    """An all-in-one with the networks of debstack demo, and with openstack-clients."""
    node = make_module_node(stage="all-in-one", packages=[ALL_IN_ONE, CLIENTS]).boot()
    apt(node, "install", CLIENTS)
    virtual.await_cloud(node)
    return node


@pytest.fixture(scope="module")
def account(cloud: Node) -> Mapping[str, str]:
    """The account of a member of a project with a network of its own; a user of the machine."""
    made: dict[str, str] = inside(
        cloud, "tenant", "workshop", secrets.token_hex(16), "10.88.0.0/24"
    )
    person.settle(cloud, made)
    return made


def belongings(node: Node, account: Mapping[str, str]) -> object:
    """Return what the project has, and its user."""
    return inside(node, "belongings", json.dumps(dict(account)))


@pytest.mark.parametrize("library", REFUSALS)
def test_the_tour_of_a_workshop(cloud: Node, account: Mapping[str, str], library: str) -> None:
    before = belongings(cloud, account)
    program = ["python3", f"{EXAMPLES}/workshop_{library}.py", "--network", "workshop"]
    told = person.does(cloud, *program, timeout_s=_TIMEOUT_S).stdout
    name = f"workshop-{library}"
    steps = [line.partition(": ") for line in told.splitlines()]
    assert [step for step, _, _ in steps] == [
        "key pair",
        "security group",
        "server",
        "floating IP",
        "logged in",
        "snapshot",
        "server",
        "floating IP",
        "logged in",
        "quota",
        "cleaned up",
    ], told
    # It was written by the first server alone, and is on the second one's disk.
    assert f"{name}-first has the {SAID}" in told
    assert f"{name}-second has the {SAID}" in told
    (refusal,) = (words for step, _, words in steps if step == "quota")
    status, of_what = REFUSALS[library]
    assert refusal.startswith(f"{status}: "), refusal
    assert "Quota exceeded" in refusal, refusal
    assert of_what in refusal, refusal
    assert belongings(cloud, account) == before


@pytest.mark.parametrize("library", REFUSALS)
def test_a_tour_that_fails_on_its_way_leaves_nothing(
    cloud: Node, account: Mapping[str, str], library: str
) -> None:
    before = belongings(cloud, account)
    program = ["python3", f"{EXAMPLES}/workshop_{library}.py", "--network", "workshop"]
    wrong = ["--external", "nowhere"]
    done = person.does(cloud, *program, *wrong, check=False, timeout_s=_TIMEOUT_S)
    assert done.code == 1
    assert f"server: workshop-{library}-first is " in done.stdout
    assert "nowhere" in done.stdout.splitlines()[-1]
    assert belongings(cloud, account) == before
