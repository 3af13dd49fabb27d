# SPDX-License-Identifier: Apache-2.0
"""What the helpers write into a build tree, and what they leave to a hand-written file."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest
from unit.spec.declaring import component

from debstack.dh import configure, openstack, options
from debstack.dh.build import Build

NO_CONFIG = {"package/tiny-common/config": None}


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "debian").mkdir()
    return tmp_path / "debian"


def _build(package: str = "tiny-api", *, no_act: bool = False) -> Build:
    return Build("dh_x", package, verbose=False, no_act=no_act)


def test_what_removes_is_added_in_front(source: Path) -> None:
    build = _build()
    for text in ("one\n", "two\n"):
        build.snippet("postinst", text)
        build.snippet("postrm", text)
    order = [
        [
            line
            for line in (source / f"tiny-api.{name}.debhelper").read_text().split()
            if line in ("one", "two")
        ]
        for name in ("postinst", "postrm")
    ]
    assert order == [["one", "two"], ["two", "one"]]


def test_relations_are_added_once(source: Path) -> None:
    for _ in range(2):
        _build().depend("debstack (>= 1)")
    assert (source / "tiny-api.substvars").read_text() == "misc:Depends=debstack (>= 1)\n"


def test_no_act_changes_nothing_and_says_all(
    source: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build = _build(no_act=True)
    openstack.install(build, component(NO_CONFIG))
    assert list(source.iterdir()) == []
    assert "usr/lib/systemd/system/tiny-api.service" in capsys.readouterr().err


def test_the_files_of_a_package(source: Path) -> None:
    for package in ("tiny-common", "tiny-api"):
        assert openstack.install(_build(package), component(NO_CONFIG)) == []
    found = {str(p.relative_to(source)) for p in source.rglob("*") if p.is_file()}
    assert {
        "tiny-api/usr/lib/systemd/system/tiny-api.service",
        "tiny-api/usr/share/debstack/uwsgi/tiny-api.ini",
        "tiny-api/usr/share/debstack/components/tiny-api.json",
        "tiny-common/usr/share/debstack/components/tiny-common.json",
        "tiny-common/usr/lib/sysusers.d/tiny-common.conf",
        "tiny-common/usr/lib/tmpfiles.d/tiny-common.conf",
    } <= found
    assert (source / "tiny-api/etc/tiny/tiny-api-uwsgi.d").is_dir()


@pytest.mark.parametrize("name", ["tiny-api.service", "tiny-api.tiny-api.service"])
def test_a_hand_written_unit_wins(source: Path, name: str) -> None:
    (source / name).write_text("by hand\n")
    openstack.install(_build(), component(NO_CONFIG))
    unit = source / "tiny-api/usr/lib/systemd/system/tiny-api.service"
    assert unit.read_text() == "by hand\n"


@pytest.mark.parametrize("name", ["tiny-api.uwsgi", "tiny-api.tiny-api.uwsgi"])
def test_a_hand_written_uwsgi_configuration_wins(source: Path, name: str) -> None:
    (source / name).write_text("by hand\n")
    openstack.install(_build(), component(NO_CONFIG))
    ini = source / "tiny-api/usr/share/debstack/uwsgi/tiny-api.ini"
    assert ini.read_text() == "by hand\n"


@pytest.mark.parametrize("kind", ["sysusers", "tmpfiles"])
def test_what_debhelper_installs_itself_is_not_made(source: Path, kind: str) -> None:
    (source / f"tiny-common.{kind}").write_text("by hand\n")
    openstack.install(_build("tiny-common"), component(NO_CONFIG))
    assert not (source / f"tiny-common/usr/lib/{kind}.d/tiny-common.conf").exists()


def test_what_dh_install_put_there_wins(source: Path) -> None:
    unit = source / "tiny-api/usr/lib/systemd/system/tiny-api.service"
    unit.parent.mkdir(parents=True)
    unit.write_text("installed\n")
    openstack.install(_build(), component(NO_CONFIG))
    assert unit.read_text() == "installed\n"


def _configured(monkeypatch: pytest.MonkeyPatch, package: str) -> None:
    monkeypatch.setattr(configure, "installed_version", lambda _package: "1.2")
    monkeypatch.setattr(configure, "translated", lambda text, *_: text)
    configure.configure(_build(package), component())


def test_questions_scripts_and_relations(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _configured(monkeypatch, "tiny-common")
    script = source / "tiny-common/DEBIAN/config"
    assert script.stat().st_mode & 0o777 == 0o755
    assert "Template: tiny/colour" in (source / "tiny-common/DEBIAN/templates").read_text()
    relations = (source / "tiny-common.substvars").read_text()
    assert "debconf (>= 0.5) | debconf-2.0, debstack (>= 1.2)" in relations
    assert "uwsgi" not in relations


def test_a_wsgi_unit_needs_uwsgi(source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _configured(monkeypatch, "tiny-api")
    assert "uwsgi-plugin-python3" in (source / "tiny-api.substvars").read_text()


@pytest.mark.parametrize("kind", ["config", "templates"])
def test_hand_written_questions_win(
    source: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    (source / f"tiny-common.{kind}").write_text("by hand\n")
    _configured(monkeypatch, "tiny-common")
    assert not (source / "tiny-common/DEBIAN" / kind).exists()


def test_the_selection_is_debhelpers() -> None:
    parser = options.parser("dh_x", "x")
    chosen = parser.parse_args(["-a", "-px", "-N", "y", "-O--buildsystem=pybuild", "-i"])
    assert options.selection_argv(chosen) == ["dh_listpackages", "-a", "-i", "-px", "-Ny"]
    assert isinstance(chosen, argparse.Namespace)


def test_packages_that_an_override_dealt_with_are_noted(source: Path) -> None:
    options.note_acted_on("dh_x", ["a"], {})
    assert list(source.iterdir()) == []
    options.note_acted_on("dh_x", ["a"], {"DH_INTERNAL_OVERRIDE": "dh_x"})
    assert (source / "a.debhelper.log").read_text() == "dh_x\n"
