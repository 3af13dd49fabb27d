# SPDX-License-Identifier: Apache-2.0
"""Upstream's own tests of a cloud, run from outside of the all-in-one."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from cloudtest import virtual
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from cloudtest.upstream import PLACE, explained, run_tempest

pytestmark = [pytest.mark.root, pytest.mark.system]


#: So many tests are named with the time that they took.
_SLOWEST = 30


@pytest.mark.long
def test_tempest_passes_but_for_what_is_explained(
    make_node: NodeMaker, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    node = make_node(stage="all-in-one", packages=[ALL_IN_ONE]).boot()
    virtual.await_cloud(node)
    began = time.monotonic()
    found = run_tempest(node, tmp_path, tests=PLACE / "tests.txt")
    passed = [name for name, outcome in found.items() if outcome.status == "success"]
    took = sorted(((float(o.seconds or 0), name) for name, o in found.items()), reverse=True)
    with capsys.disabled():
        print(
            f"\ntempest: {len(passed)} of {len(found)} tests passed, "
            f"in {time.monotonic() - began:.0f} s with their preparation"
        )
        for seconds, name in took[:_SLOWEST]:
            print(f"{seconds:7.1f} s {name}")
    reasons = explained()
    others = {name: outcome for name, outcome in found.items() if name not in passed}
    unexplained = [
        f"{outcome.status}: {name}\n{outcome.why}"
        for name, outcome in others.items()
        if name not in reasons
    ]
    assert not unexplained, "\n".join(unexplained)
    # What is explained still is as it is explained.
    assert set(reasons) - set(others) == set()
    assert len(passed) > 100
