# SPDX-License-Identifier: Apache-2.0
"""The order in which the tests run, and are given to the processes that share them out (make test).

A file stays together, since its tests share nodes. What is quick comes first, then what takes
longest, so that no process is left alone with it at the end.
"""

from __future__ import annotations

import pytest

#: The system tests that take minutes, longest first.
_LONGEST = (
    "test_twenty",
    "test_nodes",
    "test_person",
    "test_all_in_one",
    "test_life",
    "test_servers",
    "test_heat",
    "test_dashboard",
    "test_dialogue",
    "test_kill",
    "test_purge",
)


def _rank(item: pytest.Item) -> tuple[bool, int]:
    slow = "system" in item.path.parts or "packages" in item.path.parts
    name = item.path.stem
    return slow, _LONGEST.index(name) if name in _LONGEST else len(_LONGEST)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in order; that of a file stays."""
    items.sort(key=_rank)
