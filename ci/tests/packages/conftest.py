# SPDX-License-Identifier: Apache-2.0
"""All packages, built once for the tests of this folder."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from pipeline.build import Built, Plan, build_all, make_plan
from pipeline.repo import write_repository
from pipeline.series import current_series


@pytest.fixture(scope="session")
def plan() -> Plan:
    """Return how packages are built: without upstream's long tests."""
    return make_plan(current_series())


@pytest.fixture(scope="session")
def builds(plan: Plan, request: pytest.FixtureRequest) -> Mapping[str, Built]:
    """Return the build of every source package, and renew build/repo; progress is shown."""
    capture = request.config.pluginmanager.getplugin("capturemanager")
    with capture.global_and_fixture_disabled():
        built = build_all(plan)
        write_repository(built, plan.series)
    return built
