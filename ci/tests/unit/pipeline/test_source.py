# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from debstack.base.errors import DebstackError
from pipeline.series import Sdist, Series
from pipeline.source import (
    check_version,
    needed_sources,
    owners_of,
    pick,
    read_source,
    relation_text,
    wanted_relations,
)

CONTROL = """\
Source: glance
Build-Depends: debhelper-compat (= 13), dh-sequence-openstack,
 python3-oslo.db (>= 5.0) | python3-db, python3-tempest <!nocheck>,
Build-Depends-Indep: python3-stack <!nodoc>, glance-common

Package: glance-api
Architecture: all
Provides: image-api (= 1), ${something}

Package: glance-common
Architecture: all
"""
CHANGELOG = """\
glance (2:32.0.0-1+debstack1) trixie; urgency=medium

  * Something.

 -- Somebody <somebody@example.org>  Fri, 20 Nov 2026 13:00:00 +0000
"""
OWNERS = {
    "dh-openstack": "debstack",
    "dh-sequence-openstack": "debstack",
    "python3-stack": "lib",
    "glance-common": "glance",
    "python3-tempest": "tempest",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr("pipeline.source.ROOT", tmp_path)
    folder = tmp_path / "packages" / "glance"
    (folder / "debian" / "source").mkdir(parents=True)
    (folder / "debian" / "control").write_text(CONTROL)
    (folder / "debian" / "changelog").write_text(CHANGELOG)
    (folder / "debian" / "source" / "format").write_text("3.0 (quilt)\n")
    return folder


def test_what_a_source_package_is(folder: Path) -> None:
    source = read_source(folder)
    assert (source.name, source.upstream, source.stem) == (
        "glance",
        "32.0.0",
        "glance_32.0.0-1+debstack1",
    )
    assert source.binaries == ("glance-api", "glance-common")
    assert source.provides == ("image-api",)
    assert source.timestamp == 1795179600
    assert owners_of([source])["image-api"] == "glance"


@pytest.mark.parametrize(
    ("profiles", "expected"),
    [
        (("nocheck",), {"debstack", "lib"}),
        ((), {"debstack", "lib", "tempest"}),
        (("nocheck", "nodoc"), {"debstack"}),
    ],
)
def test_order_follows_build_dependencies(
    folder: Path, profiles: tuple[str, ...], expected: set[str]
) -> None:
    assert needed_sources(read_source(folder), OWNERS, profiles) == expected


def test_relations_are_written_as_apt_reads_them(folder: Path) -> None:
    relations = [relation_text(group) for group in wanted_relations(read_source(folder), ())]
    assert "python3-oslo.db (>= 5.0) | python3-db" in relations
    assert "python3-tempest" in relations


def test_series_and_changelog_must_agree(folder: Path) -> None:
    pinned = Sdist(version="32.0.1", file="glance-32.0.1.tar.gz", sha256="0")
    series = Series(
        schema=1, series="2026.1", codename="G", suite="trixie", source={"glance": pinned}
    )
    with pytest.raises(DebstackError, match=r"expected upstream version 32\.0\.1.*found 32\.0\.0"):
        check_version(read_source(folder), series)


def test_changelog_of_another_source(folder: Path) -> None:
    changelog = folder / "debian" / "changelog"
    changelog.write_text(CHANGELOG.replace("glance (", "nova ("))
    with pytest.raises(DebstackError, match="expected an entry of glance, found nova"):
        read_source(folder)


def test_unknown_name_has_a_suggestion(folder: Path) -> None:
    with pytest.raises(DebstackError, match='did you mean "glance"'):
        pick({"glance": read_source(folder)}, ["glanse"])


def test_a_source_package_may_have_copies_of_files_of_the_tree(
    folder: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("pipeline.source._GATHERED", {"glance": ("packages/*/debian/one.toml",)})
    other = tmp_path / "packages" / "nova" / "debian"
    other.mkdir(parents=True)
    (other / "one.toml").write_text("")
    monkeypatch.setattr("pipeline.source.tree_files", lambda place: sorted(place.rglob("c*")))
    assert read_source(folder).files() == {
        "debian/changelog": folder / "debian/changelog",
        "debian/control": folder / "debian/control",
        "gathered/packages/nova/debian/one.toml": other / "one.toml",
    }
