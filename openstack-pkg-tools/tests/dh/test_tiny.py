# SPDX-License-Identifier: Apache-2.0
"""A tiny source package, built with the real dpkg-buildpackage and the helpers of this tree."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from dh.conftest import Source

pytestmark = pytest.mark.root


def test_a_package_is_built_as_declared(built: Source) -> None:
    api, common = built.extract("tiny-api"), built.extract("tiny-common")
    assert (api / "usr/lib/systemd/system/tiny-api.service").is_file()
    assert (api / "etc/tiny/tiny-api-uwsgi.d").is_dir()
    options = json.loads((common / "usr/share/debstack/options/tiny.json").read_text())
    assert options["sections"]["DEFAULT"] == {
        "color": {"deprecated": True, "replacement": "DEFAULT.colour"},
        "colour": {"deprecated": False},
        "debug": {"deprecated": False},
    }
    control = (api / "DEBIAN/control").read_text()
    assert "uwsgi-plugin-python3" in control
    assert "debconf (>= 0.5) | debconf-2.0" in control


def test_the_snippets_come_in_the_order_that_they_need(built: Source) -> None:
    postinst = (built.extract("tiny-common") / "DEBIAN/postinst").read_text()
    order = ["confmodule", "systemd-sysusers", "systemd-tmpfiles", "dpkg-trigger"]
    assert sorted(order, key=postinst.index) == order


def test_units_are_enabled_but_not_started_by_dpkg(built: Source) -> None:
    api = built.extract("tiny-api")
    postinst = (api / "DEBIAN/postinst").read_text()
    assert "deb-systemd-helper enable 'tiny-api.service'" in postinst
    assert "deb-systemd-invoke" not in postinst
    assert not (api / "DEBIAN/preinst").exists()
    prerm = (api / "DEBIAN/prerm").read_text()
    assert "deb-systemd-invoke stop tiny-api.service tiny-worker.service" in prerm


def test_templates_are_translated_by_the_package_and_by_the_toolkit(built: Source) -> None:
    text = (built.extract("tiny-common") / "DEBIAN/templates").read_text(encoding="utf-8")
    templates = text.replace("\N{NO-BREAK SPACE}", " ")
    assert "Description-fr.UTF-8: Couleur des choses :" in templates
    assert "Choices-fr.UTF-8: rouge, vert" in templates
    assert "Description-fr.UTF-8: Faut-il supprimer les données de ce service ?" in templates


def test_hand_written_files_win(source: Source) -> None:
    unit = "# by hand\n[Service]\nExecStart=/bin/true\n[Install]\nWantedBy=multi-user.target\n"
    source.write(
        {
            "tiny-api.service": unit,
            "tiny-api.tiny-worker.service": unit,
            "tiny-common.sysusers": "# by hand\n",
            "tiny-common.tmpfiles": "# by hand\n",
            "tiny-common.config": "#!/bin/sh\n# by hand\n",
            "tiny-common.templates": "Template: x/by-hand\nType: string\nDescription: By hand\n",
        }
    )
    source.build()
    api, common = source.extract("tiny-api"), source.extract("tiny-common")
    for path in (
        api / "usr/lib/systemd/system/tiny-api.service",
        api / "usr/lib/systemd/system/tiny-worker.service",
        common / "usr/lib/sysusers.d/tiny-common.conf",
        common / "usr/lib/tmpfiles.d/tiny-common.conf",
        common / "DEBIAN/config",
    ):
        assert "by hand" in path.read_text(), path
    assert (common / "DEBIAN/templates").read_text().startswith("Template: x/by-hand")


def test_an_option_that_the_service_does_not_know_ends_the_build(source: Source) -> None:
    source.replace('colour = "green" }', 'colours = "green", color = "red" }')
    code, told = source.try_build()
    where = "debian/openstack.toml: package.tiny-common.config.tiny.when[0].set.DEFAULT"
    assert code != 0
    assert f'{where}.colours: the service has no such option (did you mean "colour"?)' in told
    assert f"{where}.color: the option is deprecated; use DEFAULT.colour" in told


def test_a_package_that_control_does_not_have_ends_the_build(source: Source) -> None:
    source.replace("[package.tiny-common]", "[package.tiny-comon]\n[package.tiny-common]")
    code, told = source.try_build()
    assert code != 0
    assert "package.tiny-comon: not in debian/control" in told


def _files(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_building_twice_gives_the_same_and_clean_cleans(source: Source, built: Source) -> None:
    before = _files(source.tree)
    source.build()
    for package in ("tiny-api", "tiny-common"):
        name = f"{package}_1.0_all.deb"
        assert (source.folder / name).read_bytes() == (built.folder / name).read_bytes()
    clean = ["sh", "-c", 'cd "$1" && exec dh clean', "sh", f"{source.inside}/tiny"]
    source.root.run(clean)
    assert _files(source.tree) == before
