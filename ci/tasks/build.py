# SPDX-License-Identifier: Apache-2.0
"""Building all packages and the repository."""

from __future__ import annotations

import os
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from pipeline.repo import build_repository, sources_text
from pipeline.series import current_series
from pipeline.tree import BUILD
from tasks.program import expected_failures


@task
@expected_failures
def build(_: Context) -> None:
    """Build every source package, cached by content, and build/repo from them."""
    build_repository()


@task(help={"uri": "where the other machine finds build/repo; default: this folder"})
@expected_failures
def repo(_: Context, uri: str = "") -> None:
    """Print the apt source to add the repository to a machine."""
    if not (BUILD / "repo").exists():
        build_repository()
    place = Path(os.path.realpath(BUILD.parent)) / "build" / "repo"
    print("# save as /etc/apt/sources.list.d/debstack.sources, then: apt-get update")
    print(sources_text(current_series(), uri or place.as_uri()), end="")
