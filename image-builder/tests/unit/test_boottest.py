# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from debstack.base.errors import CommandError
from debstack_image import boottest, seed
from debstack_image.boottest import Outcome, boot_twice
from debstack_image.emulator import Machine

MACHINE = Machine(image=Path("i.qcow2"), image_format="qcow2", architecture="amd64")


class Stubborn:
    """A machine that shows its prompt, and lets nobody in."""

    def __init__(self, folder: Path, *, on: bool) -> None:
        self.folder = folder
        self.on = on

    def wait_for(self, text: str, timeout_s: float) -> float:
        return 1.0

    def wait_for_ssh(self, user: str, key: Path, timeout_s: float) -> float:
        raise CommandError(["ssh"], 255, ["denied"], reason="ssh: exit code 255", hint=None)

    def screenshot(self, path: Path) -> None:
        if not self.on:
            raise ConnectionRefusedError
        path.write_bytes(b"picture")


@pytest.mark.parametrize("on", [True, False])
def test_what_a_machine_does_not_do_is_a_problem_of_it_with_a_picture(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, on: bool
) -> None:
    @contextmanager
    def started(*_: object) -> Iterator[Stubborn]:
        yield Stubborn(tmp_path, on=on)

    monkeypatch.setattr(boottest, "started", started)
    outcome = boot_twice(MACHINE, "debian", Path("key"), tmp_path, "amd64")
    assert outcome.problems == ["ssh: exit code 255\n    denied"]
    assert outcome.login_prompt_s == 1.0
    assert (tmp_path / "screen.png").exists() == on


def test_of_a_test_stays_what_it_tells_and_neither_disk_nor_key(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def boot(machine: Machine, user: str, key: Path, folder: Path, host: str) -> Outcome:
        assert not report.exists(), "what is interrupted leaves no half of a report"
        for name in ("console.log", "screen.png", "disk.qcow2", "qmp"):
            (folder / name).write_text(name)
        return Outcome(firmware=machine.firmware, secure_boot=machine.secure_boot)

    monkeypatch.setattr(boottest, "boot_twice", boot)
    monkeypatch.setattr(boottest, "make_key", lambda folder: (folder / "key", "ssh-ed25519 A"))
    monkeypatch.setattr(seed, "no_cloud", lambda path, **_: path.write_text("seed"))
    scratch, report = tmp_path / "scratch", tmp_path / "image.test"
    scratch.mkdir()
    boottest.test_image(
        Path("i.qcow2"),
        "qcow2",
        architecture="amd64",
        host="amd64",
        firmwares=["bios", "uefi-secure"],
        user="debian",
        scratch=scratch,
        folder=report,
    )
    found = {str(path.relative_to(report)) for path in report.rglob("*") if path.is_file()}
    names = {
        f"{place}/{n}" for place in ("bios", "uefi-secure") for n in ("console.log", "screen.png")
    }
    assert found == {"result.json", *names}
    result = json.loads((report / "result.json").read_text())
    assert [(item["firmware"], item["secure_boot"]) for item in result] == [
        ("bios", False),
        ("uefi", True),
    ]
