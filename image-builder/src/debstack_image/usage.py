# SPDX-License-Identifier: Apache-2.0
"""What --help prints, from the table of options."""

from __future__ import annotations

import textwrap

from debstack_image.settings import GROUPS, OPTIONS, Option, Settings, spelling

_WIDTH = 80
_COLUMN = 30
_HEAD = """\
usage: build-openstack-debian-image [OPTION]…

Makes the images that an OpenStack cloud boots, without root, from Debian packages.
Every option can stand in a TOML file too, by its long name; a switch has a --no- form.
"""
ACTIONS = (
    ("-c, --config FILE", "read options from a TOML file; the command line wins"),
    ("-n, --dry-run", "print what would be done, and do nothing"),
    ("    --diff OLD NEW", "compare the packages of two manifests"),
    ("-q, --quiet", "print no progress"),
    ("-v, --verbose", "print the commands that are run"),
    ("-h, --help", "print this"),
    ("    --version", "print the version"),
)


def _turned_off(name: str, option: Option) -> bool:
    """Tell whether an option is a switch that is on unless it is given."""
    return option.read is None and bool(getattr(Settings(), name))


def synopsis(name: str, option: Option) -> str:
    """Return an option as its entry begins."""
    short = f"-{option.short}, " if option.short else "    "
    word = spelling(name)
    if option.read is None:
        return f"{short}--no-{word}" if _turned_off(name, option) else f"{short}--{word}"
    return f"{short}--{word} {option.metavar}"


def _meaning(name: str, option: Option) -> str:
    return f"do not {option.help}" if _turned_off(name, option) else option.help


def _entry(left: str, text: str) -> str:
    lines = textwrap.wrap(text, _WIDTH - _COLUMN, break_on_hyphens=False)
    if len(left) > _COLUMN - 4:
        head, rest = f"  {left}\n", lines
    else:
        head, rest = f"  {left:{_COLUMN - 2}}{lines[0]}\n", lines[1:]
    return head + "".join(" " * _COLUMN + line + "\n" for line in rest)


def help_text() -> str:
    """Return the help."""
    parts = [_HEAD]
    for group in GROUPS:
        parts.append(f"\n{group}:\n")
        for name, option in OPTIONS.items():
            if option.group == group:
                parts.append(_entry(synopsis(name, option), _meaning(name, option)))
    parts.append("\nActions:\n")
    parts.extend(_entry(*action) for action in ACTIONS)
    return "".join(parts)
