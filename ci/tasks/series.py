# SPDX-License-Identifier: Apache-2.0
"""The series: what upstream's releases need."""

from __future__ import annotations

import dataclasses
import json as json_text
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from debstack.base.errors import DebstackError
from pipeline.archive import python_archive
from pipeline.index import normalised, pip_indexes, project_files
from pipeline.missing import Fetch, missing_libraries, oldest, sdist_version, table
from pipeline.requirements import requirements
from pipeline.root import ensure_base
from pipeline.sdist import fetch_release, fetch_sdist
from pipeline.series import Series, current_series
from pipeline.source import find_sources
from tasks.program import expected_failures


def _fetcher(series: Series) -> Fetch:
    """Return what fetches libraries: as the series pins them, else the oldest that fits."""
    indexes = pip_indexes()
    pinned = {normalised(series.project(name)): name for name in series.source}

    def fetch(project: str, specifiers: SpecifierSet) -> tuple[Version, Path]:
        source = pinned.get(project)
        if source and series.sdist(source).version in specifiers:
            sdist = series.sdist(source)
            return Version(sdist.version), fetch_sdist(source, sdist)
        offered = {
            version: file
            for file in project_files(project, indexes)
            if (version := sdist_version(file.name, project))
        }
        version = oldest(offered, specifiers)
        if version is None:
            raise DebstackError(f"{project}: the package index has no release that is {specifiers}")
        return version, fetch_release(project, offered[version], indexes)

    return fetch


@task(
    iterable=["source"],
    help={"source": "in the series file, may be repeated (default: all)", "json": "as JSON"},
)
@expected_failures
def missing(_: Context, source: list[str], json: bool = False) -> None:
    """List the Python libraries that sources need newer than the Debian release has them."""
    series = current_series()
    archive = python_archive(ensure_base(series.suite))
    roots = {}
    for name in source or series.source:
        sdist = series.sdist(name)
        roots[f"{name} {sdist.version}"] = requirements(fetch_sdist(name, sdist), archive.python)
    packaged = {b: s.upstream for s in find_sources().values() for b in s.binaries}
    lacking = missing_libraries(
        roots,
        archive,
        _fetcher(series),
        lambda path: requirements(path, archive.python),
        packaged,
    )
    if json:
        print(json_text.dumps([dataclasses.asdict(item) for item in lacking], indent=2))
    elif lacking:
        print(table(lacking))
    else:
        print(f"nothing is missing: {series.suite} has all that {', '.join(roots)} need")
