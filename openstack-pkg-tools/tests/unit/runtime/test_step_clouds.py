# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
from pathlib import Path

import yaml
from unit.runtime.making import applied, context, inputs, manifests_of
from unit.runtime.test_cloud_file import IDENTITY, PASSWORD

from debstack.base.run import run
from debstack.base.secret import Secret
from debstack.runtime.context import Context
from debstack.runtime.resolve import resolve
from debstack.runtime.steps.clouds import build, openrc


def test_both_files_are_made_once_for_root_alone(tmp_path: Path) -> None:
    (step,) = build(context(tmp_path))
    for change in step.changes():
        change.perform()
    for name in ("root/openrc", "root/.config/openstack/clouds.yaml"):
        assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
    assert (tmp_path / "root/.config/openstack").stat().st_mode & 0o777 == 0o700
    assert step.changes() == []


def with_client(root: Path) -> Path:
    (root / "usr/bin").mkdir(parents=True)
    (root / "usr/bin/openstack").touch()
    return root / "etc/openstack/clouds.yaml"


def test_where_a_client_is_everybody_finds_the_cloud(tmp_path: Path) -> None:
    path = with_client(tmp_path)
    _, step = build(context(tmp_path))
    assert applied(step) == ["write /etc/openstack/clouds.yaml"]
    assert path.stat().st_mode & 0o777 == 0o644
    assert path.parent.stat().st_mode & 0o777 == 0o755
    assert "admin-pw" not in path.read_text()
    assert step.changes() == []


def test_a_machine_without_the_administrators_password_has_everybodys_cloud(tmp_path: Path) -> None:
    with_client(tmp_path)
    answers = {"openstack/identity-url": "https://cloud.example.org:5000/v3"}
    shared = manifests_of("debstack")
    site = resolve(dataclasses.replace(inputs(shared, answers), secrets={}))
    (step,) = build(Context(site=site, manifests=shared, root=tmp_path))
    assert step.id == "clouds:shared"


def test_a_file_that_others_have_shut_stays_shut(tmp_path: Path) -> None:
    path = with_client(tmp_path)
    path.parent.mkdir(parents=True)
    path.write_text("clouds:\n  theirs:\n    auth: {password: secret}\n")
    path.chmod(0o600)
    _, step = build(context(tmp_path))
    assert applied(step) == ["write /etc/openstack/clouds.yaml"]
    assert path.stat().st_mode & 0o777 == 0o600
    assert set(yaml.safe_load(path.read_text())["clouds"]) == {"debstack", "theirs"}


def test_a_shell_reads_the_password_as_it_is() -> None:
    text = openrc(IDENTITY)
    assert isinstance(text, Secret)
    shown = run(["sh"], input=f'{text}\nprintf %s "$OS_PASSWORD"').stdout
    assert shown == PASSWORD
