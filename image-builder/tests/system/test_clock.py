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

_TITLE = "debian-trixie-minimal-amd64"
_FORMATS = ("raw", "qcow2")
_HOURS = 7


def digests(output: Path) -> list[str]:
    """Return the digests of the images in a folder."""
    return [digest(output / f"{_TITLE}.{kind}") for kind in _FORMATS]


@pytest.mark.long
def test_hours_later_user_and_root_build_the_same_to_the_last_bit(
    user: Builder, root: Builder
) -> None:
    ensure_programs({"linux.uml": "user-mode-linux"})
    mirror = make_local_mirror(
        user.folder("mirror"), Settings(architecture="amd64", pockets=False, minimal=True)
    )
    arguments = [*mirror.arguments, "--minimal", "--no-cache", "--format", ",".join(_FORMATS)]
    now = [builder.folder("now") for builder in (user, root)]
    for builder, output in zip((user, root), now, strict=True):
        builder.build(output, *arguments)
    shared = root.folder("later")
    later, commands = [], []
    for builder in (user, root):
        output = shared / builder.home.name
        output.mkdir()
        os.chown(output, builder.uid, builder.uid)
        later.append(output)
        environment = [f"{k}={v}" for k, v in builder.environment(builder.folder("work")).items()]
        scratch = "TMPDIR=/dev/shm"
        argv = builder.argv(["--output", output, *arguments])
        commands.append(["env", *environment, scratch, *argv])
    began = time.time()
    done = run_in_guest(shared, f"{_HOURS} hours", commands, timeout_s=1800)
    assert [code for code, _ in done] == [0, 0], done
    assert int((shared / "clock").read_text()) - began > (_HOURS - 1) * 3600
    assert {tuple(digests(output)) for output in (*now, *later)} == {tuple(digests(now[0]))}
