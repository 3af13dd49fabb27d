# SPDX-License-Identifier: Apache-2.0
"""The same image at another hour: under a kernel whose clock is ahead of this machine's."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from building import Builder, digest, ensure_programs
from guest_kernel import run_in_guest
from local_mirror import make_local_mirror

from debstack_image.settings import Settings

pytestmark = pytest.mark.long

_TITLE = "debian-trixie-minimal-amd64"
_FORMATS = ("raw", "qcow2")
_HOURS = 7


def digests(output: Path) -> list[str]:
    """Return the digests of the images in a folder."""
    return [digest(output / f"{_TITLE}.{kind}") for kind in _FORMATS]


@pytest.fixture(scope="module")
def arguments(user: Builder) -> list[str]:
    """Return the options of all builds: nothing but a mirror in a folder is read."""
    settings = Settings(architecture="amd64", pockets=False, minimal=True)
    mirror = make_local_mirror(user.folder("mirror"), settings)
    return [*mirror.arguments, "--minimal", "--no-cache", "--format", ",".join(_FORMATS)]


@pytest.fixture(scope="module")
def now(user: Builder, arguments: list[str]) -> list[str]:
    """Return the digests of what the user builds by this machine's clock."""
    output = user.folder("now")
    user.build(output, *arguments)
    return digests(output)


def test_root_builds_the_same_now(root: Builder, arguments: list[str], now: list[str]) -> None:
    output = root.folder("now")
    root.build(output, *arguments)
    assert digests(output) == now


@pytest.mark.parametrize("who", ["user", "root"])
def test_hours_later_each_builds_the_same_to_the_last_bit(
    user: Builder, root: Builder, arguments: list[str], now: list[str], who: str
) -> None:
    ensure_programs({"linux.uml": "user-mode-linux"})
    builder = {"user": user, "root": root}[who]
    shared = root.folder("later")
    output = shared / "output"
    output.mkdir()
    os.chown(output, builder.uid, builder.uid)
    scratch = {**builder.environment(builder.folder("work")), "TMPDIR": "/dev/shm"}
    environment = [f"{name}={value}" for name, value in scratch.items()]
    argv = ["env", *environment, *builder.argv(["--output", output, *arguments])]
    began = time.time()
    ((code, log),) = run_in_guest(shared, f"{_HOURS} hours", [argv], timeout_s=1800)
    assert code == 0, log
    assert int((shared / "clock").read_text()) - began > (_HOURS - 1) * 3600
    assert digests(output) == now
