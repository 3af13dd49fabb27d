# SPDX-License-Identifier: Apache-2.0
"""Purging debstack itself: its answers, its drop-ins and its cloud go, nothing else does."""

from __future__ import annotations

from pathlib import Path

import pytest
from unit.spec.declaring import TREE

from debstack.base.run import run
from debstack.base.secret import Secret
from debstack.runtime.cloud_file import ADMIN, SHARED, admin_entry, merged, shared_entry
from debstack.runtime.site import IdentitySite

CLOUDS = "root/.config/openstack/clouds.yaml"
SHARED_CLOUDS = "etc/openstack/clouds.yaml"
OPENRC = "root/openrc"
OURS = (
    "etc/debstack/secrets.preseed",
    "var/lib/debstack/taken.preseed",
    "etc/mysql/mariadb.conf.d/60-debstack.cnf",
    "etc/rabbitmq/conf.d/50-debstack.conf",
)
OTHERS = "clouds:\n  other:\n    region_name: x\n"
IDENTITY = IdentitySite(
    url="http://a/v3",
    public_url="http://a/v3",
    local=True,
    admin_user="admin",
    admin_project="admin",
    admin_password=Secret("x"),
    region="R",
)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for name in (*OURS, CLOUDS, OPENRC, "etc/mysql/mariadb.conf.d/50-server.cnf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("x\n")
    return tmp_path


def _purge(root: Path) -> None:
    script = (TREE / "debian/debstack.postrm").read_text()
    for folder in ("/etc/", "/var/", "/root/"):
        script = script.replace(f"\t{folder}", f"\t{root}{folder}")
        script = script.replace(f" {folder}", f" {root}{folder}")
        script = script.replace(f"={folder}", f"={root}{folder}")
    run(["sh", "-c", script, "postrm", "purge"])


def test_answers_secrets_and_drop_ins_go(root: Path) -> None:
    _purge(root)
    assert [name for name in OURS if (root / name).exists()] == []
    assert not (root / "etc/rabbitmq").exists()
    assert (root / "etc/mysql/mariadb.conf.d/50-server.cnf").exists()


def test_files_that_are_not_ours_stay(root: Path) -> None:
    _purge(root)
    assert (root / CLOUDS).read_text() == "x\n"
    assert (root / OPENRC).exists()


def test_a_file_with_our_cloud_alone_goes(root: Path) -> None:
    (root / CLOUDS).write_text(merged(None, ADMIN, admin_entry(IDENTITY), CLOUDS))
    (root / OPENRC).write_text("# Made by debstack; it is overwritten.\nexport X=y\n")
    _purge(root)
    assert not (root / "root/.config").exists()
    assert not (root / OPENRC).exists()


def test_everybodys_cloud_goes(root: Path) -> None:
    path = root / SHARED_CLOUDS
    path.parent.mkdir(parents=True)
    path.write_text(merged(None, SHARED, shared_entry(IDENTITY), SHARED_CLOUDS))
    _purge(root)
    assert not path.parent.exists()


def test_other_clouds_of_the_file_stay(root: Path) -> None:
    text = merged(None, ADMIN, admin_entry(IDENTITY), CLOUDS) + OTHERS.removeprefix("clouds:\n")
    (root / CLOUDS).write_text(text)
    (root / CLOUDS).chmod(0o600)
    _purge(root)
    assert (root / CLOUDS).read_text().splitlines()[1:] == OTHERS.splitlines()
    assert (root / CLOUDS).stat().st_mode & 0o777 == 0o600
