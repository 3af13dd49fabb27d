# SPDX-License-Identifier: Apache-2.0
"""dh_openstackconfigure: debconf templates, config script, snippets and relations of a package."""

from __future__ import annotations

import os
import sys

from debstack.base.main import run_main
from debstack.base.run import run
from debstack.dh import options
from debstack.dh.build import DEBIAN, Build
from debstack.dh.control import component
from debstack.dh.translations import shared_po, translated
from debstack.render import paths
from debstack.render.config_script import config_script
from debstack.render.debconf import templates_file
from debstack.render.snippets import snippets
from debstack.spec.questions import SHARED_PREFIX, prefix_of
from debstack.spec.vocabulary import Component

TOOL = "dh_openstackconfigure"
SUMMARY = "add the questions and the maintainer script snippets of debian/openstack.toml"
_DEBCONF = "debconf (>= 0.5) | debconf-2.0"
_PURGE = """\
if [ "$1" = purge ] && [ -e /usr/share/debconf/confmodule ]; then
	. /usr/share/debconf/confmodule
	db_purge
fi
"""
_NO_CONFIG = """\
# Its one question, whether purge deletes the data, is asked by postrm when that is about to happen.
{package}: no-debconf-config
"""


def installed_version(package: str) -> str:
    """Return the version of `package` on this machine; empty if it is not installed."""
    argv = ["dpkg-query", "--show", "--showformat=${Version}", package]
    return run(argv, check=False).stdout.strip()


def _questions(build: Build, declared: Component) -> bool:
    """Add templates and config script, unless written by hand; return whether it asks anything."""
    templates = templates_file(declared, build.package)
    if templates and build.hand_written("templates") is None:
        text = translated(templates, DEBIAN / "po", shared_po())
        build.control_file("templates", text, 0o644)
    script = config_script(declared, build.package)
    if script and build.hand_written("config") is None:
        build.control_file("config", script, 0o755)
    if templates and not script and build.hand_written("config", "lintian-overrides") is None:
        override = _NO_CONFIG.format(package=build.package)
        build.install(f"/usr/share/lintian/overrides/{build.package}", override)
    return bool(templates)


def _relations(build: Build, declared: Component) -> None:
    build.depend(_DEBCONF)
    # The manifest may use words that an older debstack cannot read.
    version = installed_version("dh-openstack")
    build.depend(f"debstack (>= {version})" if version else "debstack")
    if paths.wsgi_units(declared, build.package):
        build.depend("uwsgi-core")
        build.depend("uwsgi-plugin-python3")
    if any(unit.port for unit in declared.package[build.package].unit.values()):
        build.depend("haproxy")


def configure(build: Build, declared: Component) -> None:
    """Add to `build` all that maintainer scripts and debconf need."""
    asks = _questions(build, declared)
    if prefix_of(declared) == SHARED_PREFIX:
        # debstack's own scripts are written by hand; only debconf's part is added.
        build.depend(_DEBCONF)
        if asks:
            build.snippet("postrm", _PURGE)
        return
    for script, text in snippets(declared, build.package).items():
        build.snippet(script, text)
    _relations(build, declared)


def main() -> int:
    """Run dh_openstackconfigure in the root of a source package; return its exit code."""
    chosen = options.parse(TOOL, SUMMARY, sys.argv[1:])
    declared = component()
    for package in chosen.packages:
        if package in declared.package:
            build = Build(TOOL, package, verbose=chosen.verbose, no_act=chosen.no_act)
            configure(build, declared)
    if not chosen.no_act:
        options.note_acted_on(TOOL, chosen.packages, os.environ)
    return 0


def program() -> int:
    """Return the exit code of the program: the entry point."""
    return run_main(TOOL, main)


if __name__ == "__main__":
    sys.exit(program())
