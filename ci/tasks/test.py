# SPDX-License-Identifier: Apache-2.0
"""The checks and the tests: all of them are pytest's, so that one line at the end sums them up."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from pipeline.tree import ROOT

#: In this order: what is quick and tells most comes first.
_TESTS = (
    "openstack-pkg-tools/tests",
    "image-builder/tests",
    "packages/nvmet/tests",
    "ci/tests/unit",
)
_CHECKS = (*_TESTS, "ci/tests/tree")
_ALL = (*_CHECKS, "ci/tests/packages", "ci/tests/system")
_SUMMARY = ("-ra", "--durations=15")
#: Much of a test's time is one process of dpkg's: two at once take little more than half of it.
_PROCESSES = 2
_SHARED_OUT = ("--numprocesses", str(_PROCESSES), "--dist=loadfile", "--no-loadscope-reorder")


def _pytest(paths: tuple[str, ...], marks: str, *options: str) -> None:
    """Replace this process by pytest over those of `paths` that exist."""
    present = [path for path in paths if (ROOT / path).is_dir()]
    pytest = Path(sys.executable).with_name("pytest")
    selection = ["-m", marks] if marks else []
    os.chdir(ROOT)
    os.execv(pytest, [os.fspath(pytest), *options, *selection, *present])  # noqa: S606 - no shell


@task
def check(_: Context) -> None:
    """Lint, types, spelling, unit and golden tests; needs no root."""
    _pytest(_CHECKS, "not root and not system and not long")


@task(help={"full": "the long tests and upstream's unit tests too"})
def test(_: Context, full: bool = False) -> None:
    """Run the checks, build, lintian, a reproducibility check, the tests on booted nodes."""
    _pytest(_ALL, "" if full else "not long", *_SHARED_OUT, *_SUMMARY)
