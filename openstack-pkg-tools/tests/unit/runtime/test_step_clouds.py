# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

from unit.runtime.making import context
from unit.runtime.test_cloud_file import IDENTITY, PASSWORD

from debstack.base.run import run
from debstack.base.secret import Secret
from debstack.runtime.steps.clouds import build, openrc


def test_both_files_are_made_once_for_root_alone(tmp_path: Path) -> None:
    (step,) = build(context(tmp_path))
    for change in step.changes():
        change.perform()
    for name in ("root/openrc", "root/.config/openstack/clouds.yaml"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "root/.config/openstack").stat().st_mode & 0o777 == 0o700
    assert step.changes() == []


def test_a_shell_reads_the_password_as_it_is() -> None:
    text = openrc(IDENTITY)
    assert isinstance(text, Secret)
    shown = run(["sh"], input=f'{text}\nprintf %s "$OS_PASSWORD"').stdout
    assert shown == PASSWORD
