# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import platform
from pathlib import Path

import pytest

from debstack.base.run import Result
from debstack_image import foreign
from debstack_image.index import ImageError

NATIVE = {"x86_64": "amd64", "aarch64": "arm64", "riscv64": "riscv64"}


def test_the_sample_of_this_machines_processor_runs(tmp_path: Path) -> None:
    file = tmp_path / "sample"
    file.write_bytes(foreign.program(NATIVE[platform.machine()]))
    file.chmod(0o755)
    assert os.spawnv(os.P_WAIT, file, ["sample"]) == 0  # noqa: S606 - no shell is wanted


def test_every_sample_is_of_its_own_processor() -> None:
    samples = {foreign.program(name)[18:20] for name in NATIVE.values()}
    assert samples == {b"\x3e\x00", b"\xb7\x00", b"\xf3\x00"}
    assert len({len(foreign.program(name)) for name in NATIVE.values()}) == 2


def test_a_static_program_is_told_from_another(tmp_path: Path) -> None:
    file = tmp_path / "static"
    file.write_bytes(foreign.program("arm64"))
    assert foreign.is_static(file)
    assert not foreign.is_static(Path("/bin/sh"))


def test_what_the_kernel_is_told() -> None:
    line = foreign.registration("arm64", Path("/usr/bin/qemu-aarch64-static"))
    _, name, kind, _, magic, mask, interpreter, flags = line.decode().split(":")
    assert (name, kind, interpreter) == (
        "debstack-arm64",
        "M",
        "/usr/bin/qemu-aarch64-static",
    )
    assert magic.count("\\x") == mask.count("\\x") == 20
    assert magic.endswith("\\xb7\\x00")
    assert "F" in flags


def test_a_machine_that_cannot_is_told_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(foreign, "run", lambda *_, **__: Result(code=126, stdout="", stderr=""))
    monkeypatch.setattr(foreign, "emulator", lambda _: None)
    with pytest.raises(ImageError, match="arm64: programs of it do not run") as caught:
        foreign.enable("arm64", "amd64", tmp_path)
    assert "qemu-user" in str(caught.value.hint)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_tried_for_this_machines_own(tmp_path: Path) -> None:
    foreign.enable("amd64", "amd64", tmp_path)
