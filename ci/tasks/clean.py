# SPDX-License-Identifier: Apache-2.0
"""Removing what was made: in the tree, in the testbed, in the cache."""

from __future__ import annotations

import shutil
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from pipeline.build import say
from pipeline.tree import BUILD, cache_dir
from tasks.program import expected_failures
from testbed import sweep

#: Where the tests of the image builder keep what users other than root have to read.
_IMAGE_TESTS = Path("/var/cache/debstack-image-test")


@task(help={"cache": "the cache outside the tree too: sources, roots, builds, the archive's key"})
@expected_failures
def clean(_: Context, cache: bool = False) -> None:
    """Remove build/; with --cache also what the next build would otherwise start from."""
    shutil.rmtree(BUILD, ignore_errors=True)
    if cache:
        for name in ("apt", "base", "builds", "key", "layers", "sdists", "work"):
            shutil.rmtree(cache_dir(name))
        shutil.rmtree(_IMAGE_TESTS, ignore_errors=True)


@task(help={"all": "testbeds that were left standing on purpose too"})
@expected_failures
def clean_testbed(_: Context, all: bool = False) -> None:
    """Remove nodes, networks, mounts and processes that a dead run left behind."""
    removed = sweep.clean(everything=all)
    say(f"testbed: removed {', '.join(removed)}" if removed else "testbed: nothing was left")
