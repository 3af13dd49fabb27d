# SPDX-License-Identifier: Apache-2.0
"""What holds for every source package: it builds, lintian is content, twice is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import pytest
from debian.debian_support import Version

from debstack.base.run import run
from pipeline.archive import archive_versions
from pipeline.build import Built, Plan, build_all, make_plan
from pipeline.lint import lint_builds
from pipeline.reproducible import check_reproducible
from pipeline.series import current_series
from pipeline.source import find_sources
from pipeline.tree import ROOT

pytestmark = pytest.mark.root

SOURCES = sorted(find_sources())
#: Of libraries the packaging is Debian's, and changes with a new release only.
LINTED = [
    pytest.param(name, marks=pytest.mark.long) if source.folder.parent.name == "libs" else name
    for name, source in sorted(find_sources().items())
]


def package_of_the_day() -> str:
    """Return one source package, another one with another commit."""
    head = run(["git", "-c", f"safe.directory={ROOT}", "rev-parse", "HEAD"], cwd=ROOT, check=False)
    return SOURCES[int(hashlib.sha256(head.stdout.encode()).hexdigest(), 16) % len(SOURCES)]


@pytest.mark.parametrize("source", SOURCES)
def test_builds(source: str, builds: Mapping[str, Built]) -> None:
    expected = set(find_sources()[source].binaries)
    assert {deb.name for deb in builds[source].debs()} == expected


@pytest.mark.parametrize("source", LINTED)
def test_lintian(source: str, builds: Mapping[str, Built], plan: Plan) -> None:
    lint_builds([builds[source]], plan)


@pytest.mark.long
@pytest.mark.parametrize("source", SOURCES)
def test_nothing_needs_what_python_dropped(
    source: str, builds: Mapping[str, Built], plan: Plan
) -> None:
    lint_builds([builds[source]], plan, slow=True)


@pytest.mark.parametrize("source", SOURCES)
def test_apt_prefers_ours(source: str, builds: Mapping[str, Built], plan: Plan) -> None:
    archive = archive_versions(plan.base)
    for deb in builds[source].debs():
        if deb.name in archive:
            assert Version(deb.version) > archive[deb.name]


def test_second_build_is_identical(builds: Mapping[str, Built], plan: Plan) -> None:
    debs = {deb.name: deb for built in builds.values() for deb in built.debs()}
    check_reproducible(builds[package_of_the_day()], plan, debs)


@pytest.mark.long
@pytest.mark.parametrize("source", SOURCES)
def test_upstream_tests(source: str) -> None:
    assert source in build_all(make_plan(current_series(), tests=True), [source])
