# SPDX-License-Identifier: Apache-2.0
"""dh_openstack: installs what openstack.toml declares, where debhelper's own helpers see it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from debstack.base.errors import SpecError
from debstack.base.main import run_main
from debstack.dh import catalogue, options, schemas
from debstack.dh.build import DEBIAN, Build
from debstack.dh.control import DECLARATION, component
from debstack.render import paths, snippets, tree
from debstack.spec.questions import SHARED_PREFIX, prefix_of
from debstack.spec.vocabulary import Component

TOOL = "dh_openstack"
SUMMARY = "install what debian/openstack.toml declares into the package build directories"


def _hand_written_unit(build: Build, file_name: str) -> Path | None:
    """Return the debian/ file that replaces the unit `file_name`, by debhelper's naming."""
    name, _, kind = file_name.rpartition(".")
    suffixes = [f"{name}.{kind}"] + ([kind] if name == build.package else [])
    return build.hand_written(*suffixes)


def _units(build: Build, declared: Component) -> None:
    for file_name, text in tree.units(declared, build.package).items():
        by_hand = _hand_written_unit(build, file_name)
        content = by_hand.read_text(encoding="utf-8") if by_hand else text
        build.install(f"{paths.UNITS}/{file_name}", content)
    for name in paths.wsgi_units(declared, build.package):
        unit = declared.package[build.package].unit[name]
        suffixes = [f"{name}.uwsgi"] + (["uwsgi"] if name == build.package else [])
        by_hand = build.hand_written(*suffixes)
        ini = by_hand.read_text(encoding="utf-8") if by_hand else ""
        build.install(f"{paths.UWSGI}/{name}.ini", ini or tree.uwsgi_ini(name, declared, unit))


def _accounts(build: Build, declared: Component) -> None:
    sysusers = tree.sysusers(declared, build.package)
    if sysusers and build.hand_written("sysusers") is None:
        build.install(f"/usr/lib/sysusers.d/{build.package}.conf", sysusers)
    tmpfiles = tree.tmpfiles(declared, build.package)
    if tmpfiles and build.hand_written("tmpfiles") is None:
        build.install(f"/usr/lib/tmpfiles.d/{build.package}.conf", tmpfiles)
    for directory in paths.configuration_directories(declared, build.package):
        build.directory(directory)


def _catalogues(build: Build, declared: Component) -> list[str]:
    """Install the catalogues of the package; return the keys that its services do not know."""
    found = []
    for name, config in declared.package[build.package].config.items():
        where = f"{DECLARATION}: package.{build.package}.config.{name}"
        if not config.namespaces and not config.samples:
            continue
        known = catalogue.read(config, catalogue.search_path(DEBIAN))
        found += catalogue.problems(where, config, known)
        build.install(f"{paths.OPTIONS}/{name}.json", catalogue.to_json(known))
    return found


def _schemas(build: Build, declared: Component) -> None:
    for name, text in schemas.snapshots(declared, build.package, DEBIAN).items():
        build.install(paths.schema_snapshot(declared.source, name), text)


def install(build: Build, declared: Component) -> list[str]:
    """Install all that `build.package` declares; return problems found with the built service."""
    _units(build, declared)
    _accounts(build, declared)
    _schemas(build, declared)
    manifest = f"{paths.MANIFESTS}/{build.package}.json"
    build.install(manifest, tree.manifest(declared, build.package))
    if prefix_of(declared) != SHARED_PREFIX:
        # The first thing in the script, since it makes debconf start the script anew.
        build.snippet("postinst", snippets.confmodule_snippet())
    return _catalogues(build, declared)


def main() -> int:
    """Run dh_openstack in the root of a source package; return its exit code."""
    chosen = options.parse(TOOL, SUMMARY, sys.argv[1:])
    declared = component()
    found = []
    acted_on = [package for package in chosen.packages if package in declared.package]
    for package in acted_on:
        build = Build(TOOL, package, verbose=chosen.verbose, no_act=chosen.no_act)
        found += install(build, declared)
    if found:
        raise SpecError(found)
    if not chosen.no_act:
        options.note_acted_on(TOOL, chosen.packages, os.environ)
    return 0


def program() -> int:
    """Return the exit code of the program: the entry point."""
    return run_main(TOOL, main)


if __name__ == "__main__":
    sys.exit(program())
