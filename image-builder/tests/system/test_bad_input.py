# SPDX-License-Identifier: Apache-2.0
"""Each kind of bad input ends in its clear error, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from building import (
    TINY,
    Builder,
    command_lines,
    left_behind,
    wait_for_line,
    wait_until_gone,
)

from debstack.base.run import Result, run


@pytest.fixture
def output(user: Builder) -> Path:
    """Return an empty folder for what is built."""
    return user.folder("output")


def failed(builder: Builder, output: Path, *arguments: str | Path, code: int = 3) -> Result:
    """Return what a build that must fail has said; nothing of it is left."""
    done = builder.build(output, *arguments, check=False)
    assert done.code == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "hint: " in done.stderr
    assert left_behind(builder, output) == []
    return done


def test_an_unknown_option(user: Builder, output: Path) -> None:
    done = failed(user, output, "--relase", "sid", code=2)
    assert "error: unknown option --relase" in done.stderr


def test_what_would_be_done_takes_no_privileges_and_does_nothing(  # W-126
    user: Builder, output: Path
) -> None:
    done = user.build(output, "--dry-run", "--include", "no-such-package")
    assert f"    {output}/debian-trixie-amd64.qcow2\n" in done.stdout
    assert "    no-such-package\n" in done.stdout
    assert left_behind(user, output) == []


def test_a_mirror_that_does_not_answer(user: Builder, output: Path) -> None:
    done = failed(user, output, *TINY, "--mirror", "http://127.0.0.1:9/debian")
    assert "error: mirror: its index cannot be read" in done.stderr


def test_a_release_that_the_mirror_does_not_have(user: Builder, output: Path) -> None:
    done = failed(user, output, *TINY, "--release", "nosuchrelease")
    assert "error: mirror: its index cannot be read" in done.stderr


def test_a_package_that_does_not_exist(user: Builder, output: Path) -> None:
    done = failed(user, output, *TINY, "--include", "no-such-package")
    assert "Unable to locate package no-such-package" in done.stderr


def test_a_mirror_signed_by_another_key(user: Builder, output: Path) -> None:  # W-124
    home = user.folder("gpg")
    home.chmod(0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--passphrase", ""]
    run([*gpg, "--quick-generate-key", "other", "ed25519", "sign", "never"])
    key = output.parent / "other.gpg"
    run([*gpg, "--output", key, "--yes", "--export", "other"])
    run(["gpgconf", "--homedir", str(home), "--kill", "all"])
    done = failed(user, output, *TINY, "--keyring", key)
    assert "error: mirror: its signature is not one of the expected keys" in done.stderr


def test_a_hook_that_fails(user: Builder, output: Path) -> None:
    hook = output.parent / "hook"
    hook.write_text("#!/bin/sh\necho 'before it fails'\nls /nowhere\nexit 7\n")
    hook.chmod(0o755)
    done = failed(user, output, *TINY, "--hook-script", hook)
    assert f"error: hook {hook}: exit code 7" in done.stderr
    assert "    before it fails" in done.stderr
    assert "/nowhere" in done.stderr


def test_a_disk_that_is_too_small(user: Builder, output: Path) -> None:
    arguments = ["--minimal", "--kernel", "none", "--no-cloud-init", "--image-size", "100M"]
    done = failed(user, output, *arguments, "--format", "raw")
    assert "error: --image-size: expected at least" in done.stderr


def test_an_output_that_cannot_be_written(user: Builder, output: Path) -> None:
    output.chmod(0o555)
    os.chown(output, 0, 0)
    done = failed(user, output, *TINY)
    assert f"error: --output: {output}: this user cannot write there" in done.stderr


@pytest.mark.parametrize("option", ["--output", "--overlay", "--ssh-key", "--cache-dir"])
def test_a_path_that_this_user_cannot_see(user: Builder, output: Path, option: str) -> None:
    hidden = user.folder("hidden")
    hidden.chmod(0o700)
    os.chown(hidden, 0, 0)
    done = user.build(output, option, hidden / "below" / "it", check=False)
    assert done.code in (2, 3), done.stderr
    assert f"error: {option}: " in done.stderr
    assert "Traceback" not in done.stderr
    assert left_behind(user, output) == []


@pytest.fixture
def small(user: Builder) -> Iterator[Path]:
    """A disk of 48 MB."""
    path = user.folder("small")
    run(["mount", "-t", "tmpfs", "-o", f"size=48M,mode=0755,uid={user.uid}", "tmpfs", path])
    yield path
    run(["umount", path])


def test_no_space_to_work(user: Builder, output: Path, small: Path) -> None:
    done = failed(user, output, *TINY, "--scratch-dir", small)
    assert "No space left on device" in done.stderr
    assert list(small.iterdir()) == []


def test_no_space_for_the_output(user: Builder, small: Path) -> None:
    done = user.build(small, *TINY, check=False)
    assert done.code == 3, done.stderr
    assert "No space left on device" in done.stderr
    assert left_behind(user, small) == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
@pytest.mark.parametrize("step", ["index of the mirror", "clean"])
def test_killed(user: Builder, output: Path, number: signal.Signals, step: str) -> None:
    log = output.parent / "killed.log"
    log.write_text("")
    companion = user.start(output, log, *TINY)
    wait_for_line(log, f"s  {step}", companion)
    os.kill(companion.pid, number)
    expected = -number if number == signal.SIGKILL else 128 + number
    assert companion.wait(60) == expected
    wait_until_gone(user, output)


def test_killed_alone_the_build_is_told_of_and_leaves_nothing(user: Builder, output: Path) -> None:
    """As by a kernel that is short of memory: what started it goes on."""
    log = output.parent / "killed.log"
    log.write_text("")
    companion = user.start(output, log, *TINY)
    wait_for_line(log, "s  clean", companion)
    inside = (" -m debstack_image.inside ", str(output))
    for pid, line in command_lines().items():
        if all(word in line for word in inside) and not line.startswith("unshare "):
            os.kill(pid, signal.SIGKILL)
    assert companion.wait(60) == 3
    assert "error: the build was killed" in log.read_text()
    wait_until_gone(user, output)


#: A disk without a kernel goes through the same steps as any other, and is quickest.
_DISK = ("--minimal", "--kernel", "none", "--no-cloud-init", "--name", "disk")
_COLD = ("index of the mirror", "download of", "installation of", "initramfs and byte code")
_STEPS = (
    *_COLD,
    "keep them in the cache",
    "configuration",
    "boot loader",
    "clean",
    "ext4 and disk",
    "qcow2",
)
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


# In turn one of the signals is quick enough for every run.
@pytest.mark.parametrize(
    ("step", "number"),
    [
        pytest.param(
            step,
            number,
            marks=() if turn == place % len(_SIGNALS) else (pytest.mark.long,),
            id=f"{step}-{number.name}",
        )
        for place, step in enumerate(_STEPS)
        for turn, number in enumerate(_SIGNALS)
    ],
)
def test_killed_after_each_step(
    user: Builder, output: Path, step: str, number: signal.Signals
) -> None:
    log = output.parent / "killed.log"
    log.write_text("")
    anew = ["--refresh"] if step in (*_COLD, "keep them in the cache") else []
    companion = user.start(output, log, *_DISK, *anew)
    wait_for_line(log, f"s  {step}", companion)
    os.kill(companion.pid, number)
    assert companion.wait(60) == (-number if number == signal.SIGKILL else 128 + number)
    wait_until_gone(user, output)


def test_what_a_machine_that_went_down_left_is_swept(user: Builder, output: Path) -> None:
    work = user.folder("work")
    dead = work / "debstack-image.dead"
    dead.mkdir()
    os.chown(dead, user.uid, user.uid)
    run(user.argv(["--output", output, *TINY]), env=user.environment(work), timeout_s=900)
    assert list(work.iterdir()) == []
