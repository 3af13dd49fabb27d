# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from unit.runtime.making import install, manifests_of

from debstack.base.errors import DebstackError
from debstack.runtime import answers, machine
from debstack.runtime.machine import engine_in_use, read_machine
from debstack.runtime.site import Engine
from debstack.runtime.steps.site_files import SiteFiles


@pytest.fixture
def root(tmp_path: Path) -> Path:
    install(tmp_path, "debstack", "keystone", "glance")
    return tmp_path


def put(root: Path, absolute: str, text: str) -> Path:
    path = root / absolute.lstrip("/")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def keep(root: Path) -> list[str]:
    changes = SiteFiles(read_machine(root)).changes()
    for change in changes:
        change.perform()
    return [change.summary for change in changes]


def test_passwords_are_made_once(root: Path) -> None:
    first = keep(root)
    assert first[0] == "generate 6 passwords"
    kept = (root / "etc/debstack/secrets.preseed").read_text()
    assert (root / "etc/debstack/secrets.preseed").stat().st_mode & 0o777 == 0o600
    assert keep(root) == []
    assert (root / "etc/debstack/secrets.preseed").read_text() == kept
    assert "password" not in (root / "etc/debstack/site.preseed").read_text().replace(
        "Passwords", ""
    )


def test_the_administrators_lines_stay(root: Path) -> None:
    text = "# mine\nd-i openstack/region string North\nneutron neutron/x string y\n"
    path = put(root, answers.SITE_FILE, text)
    assert read_machine(root).answers()["openstack/region"] == "North"
    keep(root)
    assert path.read_text() == text
    assert "North" in (root / "var/lib/debstack/taken.preseed").read_text()


def test_a_password_in_the_public_file_is_moved(root: Path) -> None:
    path = put(root, answers.SITE_FILE, "glance glance/service-password password hidden\n")
    assert any("moved" in warning for warning in read_machine(root).warnings)
    keep(root)
    assert "hidden" not in path.read_text()
    assert "hidden" in (root / "etc/debstack/secrets.preseed").read_text()
    assert keep(root) == []


def test_a_file_that_others_may_read_is_put_right(root: Path) -> None:
    keep(root)
    (root / "etc/debstack/secrets.preseed").chmod(0o644)
    assert keep(root) == ["put right the mode of /etc/debstack/secrets.preseed"]
    assert (root / "etc/debstack/secrets.preseed").stat().st_mode & 0o777 == 0o600


def test_a_lost_file_is_restored(root: Path) -> None:
    path = put(root, answers.SITE_FILE, "debstack openstack/region string North\n")
    keep(root)
    path.unlink()
    assert keep(root) == ["write /etc/debstack/site.preseed"]
    assert "North" in path.read_text()


def test_misspelt_names_are_told_and_answers_for_other_components_are_not(root: Path) -> None:
    put(
        root,
        answers.SITE_FILE,
        "debstack openstack/regoin string X\nnova nova/thing string y\n"
        "debstack openstak/region string X\nglance glance/purge-data boolean true\n",
    )
    warnings = read_machine(root).warnings
    assert [w.partition(": ")[2] for w in warnings] == [
        'openstack/regoin: no installed package asks this (did you mean "openstack/region"?)',
        'openstak/region: no installed package asks this (did you mean "openstack/region"?)',
    ]


def test_wrong_answers_are_all_told(root: Path) -> None:
    put(
        root,
        answers.SITE_FILE,
        "debstack openstack/management-address string 10.0.0\nglance glance/store select tape\n",
    )
    with pytest.raises(DebstackError) as caught:
        read_machine(root).context()
    assert "openstack/management-address: expected an IPv4" in caught.value.message
    assert (
        'glance/store: expected one of automatic, file, swift, rbd, found "tape"'
        in caught.value.message
    )


def test_the_engine_in_use_is_read_from_the_drop_in(root: Path) -> None:
    installed = manifests_of("keystone")
    assert engine_in_use(root, installed) is None
    put(
        root,
        "/etc/keystone/keystone.conf.d/50-debstack.conf",
        "[database]\nconnection = sqlite:////var/lib/keystone/keystone.sqlite\n",
    )
    assert engine_in_use(root, installed) is Engine.SQLITE


def test_only_root_may_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    with pytest.raises(DebstackError, match="must be run as root"):
        machine.require_root()


def test_without_generating_no_file_is_made_for_passwords(root: Path) -> None:
    for change in SiteFiles(read_machine(root), generate=False).changes():
        change.perform()
    assert not (root / "etc/debstack/secrets.preseed").exists()
    put(root, answers.SITE_FILE, "glance glance/service-password password hidden\n")
    for change in SiteFiles(read_machine(root), generate=False).changes():
        change.perform()
    kept = (root / "etc/debstack/secrets.preseed").read_text()
    assert [line for line in kept.splitlines() if not line.startswith("#")] == [
        "glance-common glance/service-password password hidden"
    ]
