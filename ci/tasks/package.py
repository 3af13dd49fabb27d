# SPDX-License-Identifier: Apache-2.0
"""Working on single source packages."""

from __future__ import annotations

from invoke.context import Context
from invoke.tasks import task

from debstack.base.errors import DebstackError
from pipeline.build import build_all, make_plan
from pipeline.lint import lint_builds
from pipeline.reproducible import check_all
from pipeline.series import current_series
from pipeline.source import find_sources, pick
from tasks.program import expected_failures

_SOURCE = {"source": "source package (may be repeated)"}


@task(iterable=["source"], help={**_SOURCE, "tests": "run upstream's unit tests"})
@expected_failures
def build(_: Context, source: list[str], tests: bool = False) -> None:
    """Build source packages and what they build-depend on; print where the results are."""
    names = pick(find_sources(), source)
    builds = build_all(make_plan(current_series(), tests=tests), names)
    for built in builds.values():
        for path in built.files(".deb", ".dsc"):
            print(path)


@task(iterable=["source"], help=_SOURCE)
@expected_failures
def lintian(_: Context, source: list[str]) -> None:
    """Run lintian on source packages, all by default: no error and no warning may come."""
    names = pick(find_sources(), source)
    plan = make_plan(current_series())
    builds = build_all(plan, names)
    lint_builds((builds[name] for name in names or builds), plan)


@task(iterable=["source"], help={**_SOURCE, "all": "check every source package"})
@expected_failures
def reproducible(_: Context, source: list[str], all: bool = False) -> None:
    """Build source packages twice, under different conditions, and compare the .debs."""
    names = pick(find_sources(), source)
    if bool(names) == all:
        raise DebstackError("which packages?", hint="give --source NAME (may be repeated) or --all")
    plan = make_plan(current_series())
    builds = build_all(plan, names)
    debs = {deb.name: deb for built in builds.values() for deb in built.debs()}
    check_all((builds[name] for name in names or builds), plan, debs)
