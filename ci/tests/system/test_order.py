# SPDX-License-Identifier: Apache-2.0
"""Packages come in any order, at any time, on one machine or on several."""

from __future__ import annotations

import pytest

from cloudtest.acting import apt, complaint, debstack
from cloudtest.observing import identity, image_comes_back
from cloudtest.spread import SpreadCloud
from cloudtest.stages import NodeMaker
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]


def test_keystone_is_named_last(make_node: NodeMaker) -> None:
    node = make_node("one", stage="debian").boot()
    shown = apt(node, "install", "glance-api", "keystone").stdout
    assert shown.count("debstack: done: ") == 1, "all of it is done once, at the end"
    assert shown.count("unit:glance-api: ") == 1
    image_comes_back(node)
    assert "nothing to do" in debstack(node, "apply").stdout


def test_glance_comes_a_day_later(keystone_alone: Node) -> None:
    node = keystone_alone
    shown = apt(node, "install", "glance-api").stdout
    assert not complaint(shown).errors, "the trigger of an installed debstack waits for the others"
    assert shown.count("debstack: done: ") == 1, "all of it is done once, at the end"
    image_comes_back(node)
    assert "nothing to do" in debstack(node, "apply").stdout


def test_keystone_comes_a_day_later(make_node: NodeMaker) -> None:
    node = make_node("one", stage="debian").boot()
    failed = apt(node, "install", "glance-api", check=False)
    assert failed.code == 100
    told = complaint(failed.stdout)
    assert any(line.startswith("openstack/identity-url: ") for line in told.errors), failed.stdout
    assert any("install keystone here" in line for line in told.hints)
    apt(node, "install", "keystone")
    image_comes_back(node)
    assert "nothing to do" in debstack(node, "apply").stdout


def test_keystone_and_glance_on_different_machines(spread: SpreadCloud) -> None:
    found = identity(spread.image)
    address = spread.image.address
    assert set(found.urls("image").values()) == {f"https://{address}:9292"}
    assert found.urls("identity")["internal"] == f"https://{spread.identity.address}:5000/v3"
    assert "glance" in found.users
    image_comes_back(spread.image)
    for node in (spread.identity, spread.image):
        assert "nothing to do" in debstack(node, "apply").stdout
