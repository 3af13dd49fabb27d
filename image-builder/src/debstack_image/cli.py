# SPDX-License-Identifier: Apache-2.0
"""build-openstack-debian-image: reads the command line, checks everything, starts the build."""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from debstack.base.main import OK, USAGE, report, run_main
from debstack_image import after, progress
from debstack_image.inside import PROGRAM
from debstack_image.manifest import difference, load
from debstack_image.namespace import (
    check_namespaces,
    run_inside,
    scratch_place,
    unfinished_files,
)
from debstack_image.parsing import Request, UsageError, parse_command_line
from debstack_image.plan import plan_lines
from debstack_image.process import Interrupted, raise_on_signals
from debstack_image.settings import Settings
from debstack_image.tools import check_tools
from debstack_image.usage import help_text
from debstack_image.validation import check, resolved


def _version() -> str:
    try:
        return version("debstack-image")
    except PackageNotFoundError:
        return "unreleased"


def _act(request: Request) -> bool:
    """Do what the command line asks for besides building; return whether there was any."""
    if "help" in request.actions:
        print(help_text(), end="")
    elif "version" in request.actions:
        print(f"{PROGRAM} {_version()}")
    elif "diff" in request.actions:
        before, after = (load(Path(name)) for name in request.actions["diff"])
        print("".join(f"{line}\n" for line in difference(before, after)), end="")
    else:
        return False
    return True


def _build(settings: Settings, arguments: Sequence[str]) -> int:
    check_tools(settings)
    check_namespaces()
    after.check(settings)
    settings.output.mkdir(parents=True, exist_ok=True)
    with scratch_place(settings.scratch_dir) as scratch:
        try:
            code = run_inside("debstack_image.inside", arguments, scratch)
        finally:  # killed, it leaves them
            for path in unfinished_files(settings.output, scratch):
                path.unlink(missing_ok=True)
    if code == OK:
        after.act(settings)
    return code


def _main(arguments: Sequence[str]) -> int:
    request = parse_command_line(arguments)
    if "verbose" in request.actions:
        logging.basicConfig(level=logging.DEBUG, format="%(message)s", stream=sys.stderr)
    if "quiet" in request.actions:
        progress.be_quiet()
    if _act(request):
        return OK
    settings = resolved(request)
    check(settings)
    if "dry-run" in request.actions:
        print("\n".join(plan_lines(settings)))
        return OK
    return _build(settings, arguments)


def _told(arguments: Sequence[str]) -> int:
    try:
        return _main(arguments)
    except UsageError as error:
        report(PROGRAM, error)
        return USAGE


def main() -> int:
    """Run the program; return its exit code."""
    raise_on_signals()
    try:
        return run_main(PROGRAM, lambda: _told(sys.argv[1:]))
    except Interrupted as signal:
        print(f"{PROGRAM}: interrupted; nothing unfinished is left behind", file=sys.stderr)
        return signal.code


if __name__ == "__main__":
    sys.exit(main())
