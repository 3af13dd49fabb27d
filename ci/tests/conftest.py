# SPDX-License-Identifier: Apache-2.0
"""How the tests are shared out where several processes run them (make test).

A file stays together, since its tests share nodes; so do files that share a cloud. What is quick
comes first, then the packages, then what takes longest, so that no process is left alone with it.
"""

from __future__ import annotations

import pytest

#: Files that use the same fixture of the whole session.
_SHARING = {
    "test_install": "preseeded",
    "test_secrets": "preseeded",
    "test_engines": "spread",
    "test_order": "spread",
}
#: The system tests that take minutes, longest first.
_LONGEST = (
    "test_all_in_one",
    "test_life",
    "test_servers",
    "test_dialogue",
    "test_kill",
    "test_purge",
)


def _group(item: pytest.Item) -> str:
    if "packages" in item.path.parts:
        return "packages"
    return _SHARING.get(item.path.stem, item.path.stem)


def _rank(item: pytest.Item) -> tuple[bool, bool, int]:
    name = item.path.stem
    place = _LONGEST.index(name) if name in _LONGEST else len(_LONGEST)
    return "system" in item.path.parts, "packages" in item.path.parts, place


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests in order, and name the group that each belongs to."""
    items.sort(key=_rank)  # stable: a file's own order stays
    for item in items:
        item.add_marker(pytest.mark.xdist_group(_group(item)))
