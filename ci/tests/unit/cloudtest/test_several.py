# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from cloudtest.several import EXAMPLE, planned
from debstack.base.errors import DebstackError


def test_nodes_are_named_by_their_first_role() -> None:
    assert [(node.name, node.metapackages) for node in planned(EXAMPLE)] == [
        ("controller", ("openstack-controller",)),
        ("proxy", ("openstack-proxy",)),
        ("compute-1", ("openstack-compute",)),
        ("compute-2", ("openstack-compute",)),
    ]


def test_a_node_can_have_several_roles() -> None:
    node, compute = planned("controller+proxy,compute")
    assert node.metapackages == ("openstack-controller", "openstack-proxy")
    assert compute.metapackages == ("openstack-compute",)


@pytest.mark.parametrize(
    "text", ["", "controller,,compute", "compute*0", "Compute", "compute,compute"]
)
def test_what_is_not_understood_is_told(text: str) -> None:
    with pytest.raises(DebstackError, match="NODES: "):
        planned(text)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("controller,proxi,compute", 'no role is called "proxi".*proxy'),
        ("compute,controller,proxy", "no node makes the cloud"),
        ("controller,compute", "no node has the gateway"),
        ("controller,proxy", "no node runs virtual machines"),
    ],
)
def test_what_makes_no_cloud_is_told_before_anything_is_built(text: str, told: str) -> None:
    with pytest.raises(DebstackError, match=f"NODES: {told}"):
        planned(text)


def test_an_all_in_one_is_enough() -> None:
    assert [node.name for node in planned("all-in-one,compute")] == ["all-in-one", "compute"]
