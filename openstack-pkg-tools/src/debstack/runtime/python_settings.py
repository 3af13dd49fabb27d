# SPDX-License-Identifier: Apache-2.0
"""Settings as statements of Python, such that every value comes out as it went in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

#: The section whose keys are names of the module; those of others are entries of a dict.
NAMES = "DEFAULT"

Literal = str | int | bool | Sequence[str]
Settings = Mapping[str, Mapping[str, Literal]]


def literal(value: Literal) -> str:
    """Return `value` as a literal of Python, on one line."""
    if isinstance(value, str):
        return repr(str(value))  # a Secret would show its mask
    if isinstance(value, bool | int):
        return repr(value)
    return f"[{', '.join(literal(item) for item in value)}]"


def target(section: str, key: str) -> str:
    """Return what stands left of the equals sign: NAME, or SETTING['key']['key']."""
    if section == NAMES:
        return key
    setting, *path = section.split(".")
    return setting + "".join(f"[{part!r}]" for part in (*path, key))


def rendered(header: str, settings: Settings) -> str:
    """Return the file: `header` as comment lines, names first, then the entries of dicts."""
    lines = [f"# {line}".rstrip() for line in header.splitlines()]
    for section in sorted(settings, key=lambda name: name != NAMES):
        lines.append("")
        for key, value in settings[section].items():
            lines.append(f"{target(section, key)} = {literal(value)}")
    return "\n".join(lines) + "\n"
