# SPDX-License-Identifier: Apache-2.0
"""Building an image for Glance from the tree."""

from __future__ import annotations

import shlex
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

from debstack.base.run import replace_process
from debstack_image.process import python_argv
from pipeline.tree import BUILD
from tasks.program import expected_failures


@task(help={"arguments": "options of build-openstack-debian-image, in one string"})
@expected_failures
def image(_: Context, arguments: str = "") -> None:
    """Build a Debian image into build/, as build-openstack-debian-image does."""
    BUILD.mkdir(exist_ok=True)
    argv, environment = python_argv("debstack_image.cli")
    environment["HOME"] = str(Path.home())
    replace_process([*argv, "--output", str(BUILD), *shlex.split(arguments)], env=environment)
