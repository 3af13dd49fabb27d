# SPDX-License-Identifier: Apache-2.0
"""Proof that an image works: it is started, logged in to, looked at, and started again."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.run import run
from debstack_image import seed
from debstack_image.emulator import EmulatorError, Machine, Running, started
from debstack_image.values import GIB

TIMEOUT_S = 900.0
#: A login prompt of agetty, whatever the machine is called.
LOGIN = "login: "
_SCREEN = "screen.png"
#: What stays of a machine when it has been looked at, where there is any.
_KEPT = ("console.log", "qemu.log", _SCREEN)
_LOOK = r"""
set -u
cloud-init status --wait >/dev/null 2>&1
printf 'cloud-init=%s\n' "$(cloud-init status 2>/dev/null | sed -n 's/^status: //p')"
printf 'root-size=%s\n' "$(findmnt --noheadings --bytes --output SIZE /)"
printf 'failed=%s\n' "$(systemctl --failed --plain --no-legend | awk '{print $1}' | paste -sd,)"
printf 'host-key=%s\n' "$(cut -d' ' -f2 /etc/ssh/ssh_host_ed25519_key.pub)"
printf 'machine-id=%s\n' "$(cat /etc/machine-id)"
printf 'hostname=%s\n' "$(hostname)"
printf 'firmware=%s\n' "$(if [ -d /sys/firmware/efi ]; then echo uefi; else echo bios; fi)"
secure=/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c
printf 'secure-boot=%s\n' "$(od -An -t u1 -j4 -N1 $secure 2>/dev/null | tr -d ' ')"
printf 'kernel=%s\n' "$(uname -r)"
printf 'source=%s\n' "$(cloud-init query cloud_id 2>/dev/null)"
printf 'up=%s\n' "$(cut -d' ' -f1 /proc/uptime)"
"""


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What was seen of one image with one firmware."""

    firmware: str
    secure_boot: bool = False
    login_prompt_s: float = 0.0
    ssh_s: float = 0.0
    facts: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)


def look(machine: Running, user: str, key: Path) -> dict[str, str]:
    """Return what the machine says of itself once cloud-init has ended."""
    text = machine.ssh(user, key, _LOOK).stdout
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def problems_of(facts: dict[str, str], outcome: Outcome) -> list[str]:
    """Return what is not as it has to be on a machine with a disk of 8 GiB."""
    found = []
    if facts.get("failed"):
        found.append(f"units failed: {facts['failed']}")
    if facts.get("cloud-init") not in ("done", ""):
        found.append(f"cloud-init: expected done, found {facts.get('cloud-init')}")
    if int(facts.get("root-size") or 0) < 7 * GIB:
        found.append(f"root did not grow: {facts.get('root-size')} bytes on a disk of 8 GiB")
    if facts.get("firmware") != outcome.firmware:
        found.append(f"firmware: expected {outcome.firmware}, found {facts.get('firmware')}")
    if outcome.secure_boot and facts.get("secure-boot") != "1":
        found.append("Secure Boot: expected on, found off")
    if not re.fullmatch(r"[0-9a-f]{32}", facts.get("machine-id", "")):
        found.append(f"machine-id: found {facts.get('machine-id')!r}")
    return found


def make_key(folder: Path) -> tuple[Path, str]:
    """Return a new key for ssh: the file, and its public half."""
    path = folder / "key"
    run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", path])
    return path, path.with_suffix(".pub").read_text(encoding="utf-8").strip()


@contextmanager
def _pictured(running: Running) -> Iterator[None]:
    """Take a picture of a screen even where the machine does not do what is expected of it."""
    try:
        yield
    except DebstackError:
        with suppress(OSError, ValueError, EmulatorError):  # it may be no more
            running.screenshot(running.folder / _SCREEN)
        raise


def boot_twice(machine: Machine, user: str, key: Path, folder: Path, host: str) -> Outcome:
    """Start the machine twice: look at it, and see that it stays itself."""
    outcome = Outcome(firmware=machine.firmware, secure_boot=machine.secure_boot)
    try:
        with started(machine, folder, host) as first, _pictured(first):
            outcome.login_prompt_s = first.wait_for(LOGIN, TIMEOUT_S)
            outcome.ssh_s = first.wait_for_ssh(user, key, TIMEOUT_S)
            outcome.facts = look(first, user, key)
            first.screenshot(folder / _SCREEN)
            first.power_off()
        outcome.problems += problems_of(outcome.facts, outcome)
        with started(machine, folder, host) as second, _pictured(second):
            second.wait_for_ssh(user, key, TIMEOUT_S)
            again = look(second, user, key)
            second.power_off()
        for name in ("host-key", "machine-id"):
            if again.get(name) != outcome.facts.get(name):
                outcome.problems.append(f"{name}: another one after the second start")
        if again.get("failed"):
            outcome.problems.append(f"units failed at the second start: {again['failed']}")
    except DebstackError as error:  # of ssh too
        outcome.problems.append(error.message)
    return outcome


def test_image(
    image: Path,
    image_format: str,
    *,
    architecture: str,
    host: str,
    firmwares: Sequence[str],
    user: str,
    scratch: Path,
    folder: Path,
) -> list[Outcome]:
    """Test an image with each of `firmwares`; logs, screenshots and result.json go to `folder`.

    `folder` is made when all of them have been tried; until then everything is in `scratch`.
    """
    outcomes = []
    for firmware in firmwares:
        place = scratch / firmware
        place.mkdir()
        key, public = make_key(place)
        disk = place / "seed.img"
        seed.no_cloud(disk, name="image-test", key=public)
        machine = Machine(
            image=image,
            image_format=image_format,
            architecture=architecture,
            firmware=firmware.removesuffix("-secure"),
            secure_boot=firmware.endswith("-secure"),
            seed=disk,
        )
        outcomes.append(boot_twice(machine, user, key, place, host))
    for firmware in firmwares:
        (folder / firmware).mkdir(parents=True)
        for path in (scratch / firmware / name for name in _KEPT):
            if path.exists():
                shutil.copyfile(path, folder / firmware / path.name)
    result = [asdict(outcome) for outcome in outcomes]
    (folder / "result.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    return outcomes
