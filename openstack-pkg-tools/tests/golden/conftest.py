# SPDX-License-Identifier: Apache-2.0
"""The option that renews what the golden tests compare with."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add --update-golden."""
    parser.addoption("--update-golden", action="store_true", help="rewrite the expected files")
