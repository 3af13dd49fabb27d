# SPDX-License-Identifier: Apache-2.0
"""Building all packages and the repository."""

from __future__ import annotations

import os
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from pipeline.build import build_all, make_plan
from pipeline.repo import sources_text, write_repository
from pipeline.series import current_series
from pipeline.tree import BUILD
from tasks.program import expected_failures


@task
@expected_failures
def build(_: Context) -> None:
    """Build every source package, cached by content, and build/repo from them."""
    series = current_series()
    write_repository(build_all(make_plan(series)), series)


@task(help={"uri": "where the other machine finds build/repo; default: this folder"})
@expected_failures
def repo(_: Context, uri: str = "") -> None:
    """Print the apt source to add the repository to a machine."""
    series = current_series()
    if not (BUILD / "repo").exists():
        write_repository(build_all(make_plan(series)), series)
    place = Path(os.path.realpath(BUILD.parent)) / "build" / "repo"
    print("# save as /etc/apt/sources.list.d/debstack.sources, then: apt-get update")
    print(sources_text(series, uri or place.as_uri()), end="")
