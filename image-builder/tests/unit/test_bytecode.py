# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from debstack_image.bytecode import HOOK, modules_of


def test_modules_of_packages_of_whatever_architecture(tmp_path: Path) -> None:
    info = tmp_path / "var" / "lib" / "dpkg" / "info"
    info.mkdir(parents=True)
    base = "/usr/lib/python3/dist-packages"
    (info / "python3-yaml.list").write_text(f"{base}\n{base}/yaml.py\n{base}/yaml.so\n")
    (info / "python3-apt:amd64.list").write_text(f"{base}/apt.py\n/usr/share/x/private.py\n")
    (info / "python3-other.list").write_text(f"{base}/other.py\n")
    found = modules_of(tmp_path, ["python3-yaml", "python3-apt", "gone"])
    assert found == [f"{base}/apt.py", f"{base}/yaml.py"]


def test_the_recorder_is_written_as_it_is() -> None:
    assert "'#!/bin/sh\necho \"$*\" >>/var/cache/py3compile.calls\n'" in HOOK
