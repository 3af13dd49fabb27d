# SPDX-License-Identifier: Apache-2.0
"""An image for a cloud, built by the image builder of this tree."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from debstack.base.run import run
from debstack_image.process import python_argv

_TIMEOUT_S = 1800.0


def build_image(folder: Path, arguments: Sequence[str | Path] = ()) -> None:
    """Build an image into `folder`, with options of build-openstack-debian-image.

    Raises CommandError with what it says.
    """
    argv, environment = python_argv("debstack_image.cli")
    environment["HOME"] = str(Path.home())
    folder.mkdir(parents=True, exist_ok=True)
    run([*argv, "--output", folder, *arguments], env=environment, timeout_s=_TIMEOUT_S)
