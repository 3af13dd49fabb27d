# SPDX-License-Identifier: Apache-2.0
"""All that is rendered for a component, compared with files that a person has read.

After a change on purpose, run pytest with --update-golden and read the diff.
"""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from debstack.base.run import run
from debstack.render import paths, tree
from debstack.render.config_script import config_script
from debstack.render.debconf import templates_file
from debstack.render.snippets import snippets
from debstack.spec.component import read_component
from debstack.spec.vocabulary import Component

HERE = Path(__file__).parent
TREE = HERE.parents[2]
CASES = sorted(HERE.glob("*/openstack.toml"))
COMPONENTS = sorted(TREE.glob("packages/*/debian/openstack.toml"))
TRANSLATED = [TREE / "debian/openstack.toml", *COMPONENTS]
DECLARATIONS = [*CASES, *TRANSLATED]


def rendered(component: Component, binary: str) -> dict[str, str]:
    """Return name to text of everything that is made for `binary`."""
    package = component.package[binary]
    found = tree.units(component, binary)
    for name in paths.wsgi_units(component, binary):
        found[f"{name}.uwsgi.ini"] = tree.uwsgi_ini(name, component, package.unit[name])
    found["sysusers.conf"] = tree.sysusers(component, binary)
    found["tmpfiles.conf"] = tree.tmpfiles(component, binary)
    found["manifest.json"] = tree.manifest(component, binary)
    found["templates"] = templates_file(component, binary)
    found["config"] = config_script(component, binary)
    for script, text in snippets(component, binary).items():
        found[script] = f"#!/bin/sh\nset -e\n{text}"
    return {name: text for name, text in found.items() if text}


def _all(path: Path) -> dict[str, str]:
    component = read_component(path)
    return {
        f"{binary}/{name}": text
        for binary in component.package
        for name, text in rendered(component, binary).items()
    }


@pytest.mark.parametrize("case", CASES, ids=lambda path: path.parent.name)
def test_what_is_rendered_is_what_was_read(case: Path, request: pytest.FixtureRequest) -> None:
    expected = case.parent / "expected"
    made = _all(case)
    if request.config.getoption("--update-golden"):
        shutil.rmtree(expected, ignore_errors=True)
        for name, text in made.items():
            (expected / name).parent.mkdir(parents=True, exist_ok=True)
            (expected / name).write_text(text, encoding="utf-8")
    files = [path for path in expected.rglob("*") if path.is_file()]
    found = {str(path.relative_to(expected)): path.read_text(encoding="utf-8") for path in files}
    assert made == found


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: str(path.relative_to(TREE)))
def test_every_script_passes_shellcheck(path: Path, tmp_path: Path) -> None:
    scripts = []
    for name, text in _all(path).items():
        if text.startswith("#!"):
            script = tmp_path / name.replace("/", ".")
            script.write_text(text, encoding="utf-8")
            scripts.append(script)
    # SC1091: debconf's library is not followed. SC2043: what is rendered may be a list of one.
    run(["shellcheck", "-s", "sh", "-e", "SC1091,SC2043", *scripts])


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: str(path.relative_to(TREE)))
def test_no_script_prints_to_what_belongs_to_debconf(path: Path) -> None:
    for name, text in _all(path).items():
        children = [line for line in text.splitlines() if "debstack purge" in line]
        assert all("</dev/null >&2 3>&-" in line for line in children), name


@pytest.mark.parametrize("path", DECLARATIONS, ids=lambda path: str(path.relative_to(TREE)))
def test_every_unit_is_valid_and_little_exposed(path: Path, tmp_path: Path) -> None:
    units = []
    for name, text in _all(path).items():
        if name.endswith((".service", ".timer")):
            unit = tmp_path / Path(name).name
            # The programs that it runs are not installed where the tests run.
            unit.write_text(re.sub(r"^(Exec\w+)=.*$", r"\1=/bin/true", text, flags=re.M))
            units.append(unit)
    if units:
        told = run(["systemd-analyze", "verify", "--man=no", *units])
        assert [line for line in told.stderr.splitlines() if str(tmp_path) in line] == []
    # Those whose helpers become root through sudo cannot be confined as the others are.
    services = [
        unit
        for unit in units
        if unit.suffix == ".service" and "NoNewPrivileges=no" not in unit.read_text()
    ]
    if services:
        limit = ["--threshold=30", "--offline=true", "--no-pager"]
        run(["systemd-analyze", "security", *limit, *services])


@pytest.mark.parametrize("path", TRANSLATED, ids=lambda path: str(path.relative_to(TREE)))
def test_every_templates_file_is_merged_by_po_debconf(path: Path, tmp_path: Path) -> None:
    for name, text in _all(path).items():
        if name.endswith("/templates"):
            master = tmp_path / name.replace("/", ".")
            master.write_text(text, encoding="utf-8")
            po = TREE / "openstack-pkg-tools/po"
            told = run(["po2debconf", "--encoding=utf8", f"--podir={po}", master]).stdout
            assert told.count("\nDescription-fr.UTF-8: ") == text.count("\n_Description: ")
