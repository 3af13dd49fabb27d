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
    (node,) = planned("controller+proxy")
    assert node.metapackages == ("openstack-controller", "openstack-proxy")


@pytest.mark.parametrize(
    "text", ["", "controller,,compute", "compute*0", "Compute", "compute,compute"]
)
def test_what_is_not_understood_is_told(text: str) -> None:
    with pytest.raises(DebstackError, match="NODES: "):
        planned(text)
