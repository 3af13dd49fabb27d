# SPDX-License-Identifier: Apache-2.0
"""The same image at another hour: under a kernel whose clock is ahead of this machine's."""

from __future__ import annotations

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
#: Another day too, whenever the test runs.
_HOURS = 31
#: In the guest's memory: what a user of the guest makes in its folders of this machine is root's.
_OUTPUT = "/dev/shm/output"
_TIMEOUT_S = 3600.0


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
    make = ["install", "-d", "-o", str(builder.uid), _OUTPUT]
    scratch = {**builder.environment(builder.folder("work")), "TMPDIR": "/dev/shm"}
    environment = [f"{name}={value}" for name, value in scratch.items()]
    build = ["env", *environment, *builder.argv(["--output", _OUTPUT, *arguments])]
    copy = ["cp", "--recursive", "--sparse=always", _OUTPUT, str(shared)]
    began = time.time()
    done = run_in_guest(shared, f"{_HOURS} hours", [make, build, copy], timeout_s=_TIMEOUT_S)
    assert [code for code, _ in done] == [0, 0, 0], done
    assert int((shared / "clock").read_text()) - began > (_HOURS - 1) * 3600
    assert digests(shared / "output") == now
