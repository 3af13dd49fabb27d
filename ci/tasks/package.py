# SPDX-License-Identifier: Apache-2.0
"""Working on single source packages."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from pipeline.build import build_all, make_plan
from pipeline.series import current_series
from pipeline.source import find_sources, pick
from tasks.program import expected_failures


@task(
    iterable=["source"],
    help={"source": "source package (may be repeated)", "tests": "run upstream's unit tests"},
)
@expected_failures
def build(_: Context, source: list[str], tests: bool = False) -> None:
    """Build source packages and what they build-depend on; print where the results are."""
    names = pick(find_sources(), source)
    builds = build_all(make_plan(current_series(), tests=tests), names)
    for built in builds.values():
        for path in built.files(".deb", ".dsc"):
            print(path)
