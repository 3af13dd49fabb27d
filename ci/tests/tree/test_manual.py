# SPDX-License-Identifier: Apache-2.0
"""What debstack takes on its command line is in its manual page, and the shell completes it."""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import pytest

from debstack.base.run import run
from debstack.runtime.cli import build_parser
from pipeline.tree import ROOT

MANUAL = ROOT / "openstack-pkg-tools/man/debstack.8.rst"
COMPLETION = ROOT / "openstack-pkg-tools/completion/debstack"
_COMPLETE = """
source "$1"
shift
COMP_WORDS=("$@")
COMP_CWORD=$(($# - 1))
_debstack
printf '%s\\n' "${COMPREPLY[@]}"
"""


def commands(
    parser: argparse.ArgumentParser, above: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Give each command with its parser, verbs after the command that has them."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, below in action.choices.items():
                yield (*above, name), below
                yield from commands(below, (*above, name))


COMMANDS = dict(commands(build_parser()))


def test_the_package_has_this_completion() -> None:
    listed = (ROOT / "debian/debstack.bash-completion").read_text(encoding="utf-8").split()
    assert listed == [str(COMPLETION.relative_to(ROOT)), "debstack"]


def completed(*words: str) -> list[str]:
    """Return what the shell offers in the place of the last word."""
    argv = ["bash", "-c", _COMPLETE, "bash", str(COMPLETION), "debstack", *words]
    return run(argv, cwd=ROOT).stdout.split()


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_manual_names_it(command: tuple[str, ...]) -> None:
    text = MANUAL.read_text(encoding="utf-8")
    # Verbs after the first one follow a comma or a bar, without the command.
    assert f"**{command[-1]}**" in text or f"**{' '.join(command)}**" in text
    for option in COMMANDS[command]._option_string_actions:
        if option.startswith("--") and option != "--help":
            assert option in text, option


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_the_shell_completes_it(command: tuple[str, ...]) -> None:
    assert command[-1] in completed(*command[:-1], command[-1][:2])
    options = {
        option
        for option in COMMANDS[command]._option_string_actions
        if option.startswith("--") and option != "--help"
    }
    assert options <= set(completed(*command, "--"))


def test_files_are_completed_where_a_file_is_wanted() -> None:
    assert completed("preseed", "check", "LICEN") == ["LICENSE"]
    assert completed("preseed", "convert", "LICEN") == ["LICENSE"]
