# SPDX-License-Identifier: Apache-2.0
"""The options that every debhelper program takes, and the packages that they select."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from debstack.base.run import run

#: Environment that debhelper's programs hand on to each other.
_PASSED = ("DEB_", "DH_", "DEBHELPER_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What one call of a helper was asked to do."""

    packages: tuple[str, ...]
    verbose: bool
    no_act: bool


def parser(tool: str, summary: str) -> argparse.ArgumentParser:
    """Return the parser of the options that debhelper(7) lists."""
    made = argparse.ArgumentParser(prog=tool, description=summary, allow_abbrev=False)
    made.add_argument("-v", "--verbose", action="store_true", help="say what is done")
    made.add_argument("--no-act", action="store_true", help="say it, and do nothing")
    made.add_argument("-a", "--arch", action="store_true", help="act on Architecture: any packages")
    made.add_argument("-s", "--same-arch", dest="arch", action="store_true", help=argparse.SUPPRESS)
    made.add_argument(
        "-i", "--indep", action="store_true", help="act on Architecture: all packages"
    )
    made.add_argument("-p", "--package", action="append", default=[], help="act on this package")
    made.add_argument("-N", "--no-package", action="append", default=[], help="leave it out")
    made.add_argument(
        "--remaining-packages", action="store_true", help="leave out packages already acted on"
    )
    made.add_argument("-O", action="append", default=[], help=argparse.SUPPRESS)
    return made


def selection_argv(chosen: argparse.Namespace) -> list[str]:
    """Return the command that lists the packages that the options select."""
    argv = ["dh_listpackages"]
    argv += ["-a"] if chosen.arch else []
    argv += ["-i"] if chosen.indep else []
    argv += [f"-p{package}" for package in chosen.package]
    argv += [f"-N{package}" for package in chosen.no_package]
    return argv


def _log(package: str) -> Path:
    return Path("debian", f"{package}.debhelper.log")


def _acted_on(tool: str, package: str) -> bool:
    log = _log(package)
    return log.is_file() and tool in log.read_text(encoding="utf-8").splitlines()


def note_acted_on(tool: str, packages: Sequence[str], environment: Mapping[str, str]) -> None:
    """Note in debhelper's log that `tool` acted on `packages`, where an override called it."""
    if environment.get("DH_INTERNAL_OVERRIDE"):
        for package in packages:
            with _log(package).open("a", encoding="utf-8") as log:
                log.write(f"{tool}\n")


def parse(tool: str, summary: str, argv: Sequence[str]) -> Options:
    """Return the options in `argv` and in debhelper's environment, packages selected.

    Unknown options end the program with code 2; those behind -O are debhelper's own affair.
    """
    chosen = parser(tool, summary).parse_args(argv)
    passed = {k: v for k, v in os.environ.items() if k.startswith(_PASSED)}
    listed = run(selection_argv(chosen), env=passed).stdout.split()
    if chosen.remaining_packages:
        listed = [package for package in listed if not _acted_on(tool, package)]
    return Options(
        packages=tuple(listed),
        verbose=chosen.verbose or os.environ.get("DH_VERBOSE", "") not in ("", "0"),
        no_act=chosen.no_act or os.environ.get("DH_NO_ACT", "") not in ("", "0"),
    )
