# SPDX-License-Identifier: Apache-2.0
"""What is done with a finished image: it is signed, tested, uploaded."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.run import run
from debstack_image import glance
from debstack_image.boottest import test_image
from debstack_image.disk import has_bios, has_esp
from debstack_image.filesystem import machine_architecture
from debstack_image.namespace import scratch_place
from debstack_image.progress import say, step
from debstack_image.settings import Settings

#: In the order in which they are the better thing to test and to upload.
_DISKS = ("qcow2", "raw", "vmdk", "vhdx", "vhd")


def _disk(settings: Settings) -> tuple[Path, str]:
    """Return the disk image to take of those that were written, and its format."""
    kind = next(kind for kind in _DISKS if kind in settings.format)
    return settings.output / f"{settings.title}.{kind}", kind


def _gpg_environment() -> dict[str, str]:
    return {name: os.environ[name] for name in ("HOME", "GNUPGHOME") if name in os.environ}


def check(settings: Settings) -> None:
    """Raise DebstackError where what was asked for will not be possible, before it is built."""
    if settings.sign:
        run(
            ["gpg", "--batch", "--list-secret-keys", settings.sign],
            env=_gpg_environment(),
            hint="gpg --list-secret-keys shows the keys of this user",
        )
    if settings.upload:
        glance.connect(settings.upload)


def signature_of(sums: Path) -> Path:
    """Return where the detached signature of a file of checksums is."""
    return sums.with_name(f"{sums.name}.asc")


def sign(settings: Settings) -> None:
    """Sign the checksums. Raises CommandError with what gpg says."""
    sums = settings.output / f"{settings.title}.SHA256SUMS"
    argv = ["gpg", "--batch", "--yes", "--local-user", settings.sign, "--armor"]
    run(
        [*argv, "--output", signature_of(sums), "--detach-sign", sums],
        env=_gpg_environment(),
        hint="gpg --list-secret-keys shows the keys of this user",
    )


def firmwares(settings: Settings) -> list[str]:
    """Return the firmwares that the image starts from."""
    found = ["bios"] if has_bios(settings) else []
    return [*found, "uefi"] if has_esp(settings) else found


def test(settings: Settings) -> None:
    """Start the image with each firmware. Raises DebstackError with what was wrong."""
    image, kind = _disk(settings)
    folder = settings.output / f"{settings.title}.test"
    shutil.rmtree(folder, ignore_errors=True)
    with step("test"), scratch_place(settings.scratch_dir) as scratch:
        outcomes = test_image(
            image,
            {"vhd": "vpc"}.get(kind, kind),
            architecture=settings.architecture,
            host=machine_architecture(),
            firmwares=firmwares(settings),
            user=settings.login,
            scratch=scratch,
            folder=folder,
        )
    problems = []
    for outcome in outcomes:
        say(
            f"{outcome.firmware}: login prompt after {outcome.login_prompt_s:.0f} s, "
            f"ssh after {outcome.ssh_s:.0f} s"
        )
        problems += [f"test: {outcome.firmware}: {text}" for text in outcome.problems]
    if problems:
        raise DebstackError(
            "\n".join(problems), hint=f"console logs and screenshots are in {folder}"
        )


def upload(settings: Settings) -> None:
    """Upload the image to the cloud asked for."""
    path, kind = _disk(settings)
    text = path.with_name(f"{settings.title}.properties").read_text(encoding="utf-8")
    found = dict(line.split("=", 1) for line in text.splitlines())
    connection = glance.connect(settings.upload)
    identifier = glance.upload(
        connection, path, settings.title, kind, found, settings.old_images, say
    )
    say(f"upload: {identifier}")


def act(settings: Settings) -> None:
    """Do all of it that was asked for; what fails the test is not uploaded."""
    if settings.sign:
        sign(settings)
    if settings.test:
        test(settings)
    if settings.upload:
        upload(settings)
