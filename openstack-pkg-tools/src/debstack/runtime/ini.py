# SPDX-License-Identifier: Apache-2.0
"""INI text as oslo.config reads it, such that every value comes out as it went in."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_QUOTES = ("'", '"')


def escaped(value: str) -> str:
    r"""Return `value` safe from oslo.config's substitution: $ becomes $$, and \$ becomes \\$.

    oslo.config replaces \$ by $$ before it substitutes, so a dollar behind a backslash must be
    written in that form for the backslash to survive.
    """
    return re.sub(r"(?P<slash>\\?)\$", lambda m: r"\\$" if m["slash"] else "$$", value)


def percent_escaped(value: str) -> str:
    """Return `value` safe from the interpolation of Python's configparser: % becomes %%."""
    return value.replace("%", "%%")


def paste_escaped(value: str) -> str:
    """Return `value` safe from Paste Deploy, and from Swift: only where it holds %( does % count.

    Both read like this: swift.common.utils.config.NicerInterpolation.
    """
    return percent_escaped(value) if "%(" in value else value


def protected(value: str) -> str:
    """Return `value` in quotes if a reader would otherwise strip blanks or quotes around it.

    oslo.config takes a pair of quotes off; Glance's Swift store even refuses one without the other.
    """
    if not value:
        return value
    stripped = value != value.strip()
    return f'"{value}"' if stripped or value[0] in _QUOTES else value


def written(value: str | int | bool, *, plain: bool = False) -> str:
    """Return a single value as it stands behind `key = `; with `plain` never in quotes."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if plain else protected(str(value))


def rendered(
    header: str,
    sections: Mapping[str, Mapping[str, Sequence[str | int | bool]]],
    *,
    plain: bool = False,
    bare: bool = False,
) -> str:
    """Return the file: `header` as comment lines, DEFAULT first, then the sections as they come.

    Every key has a list of values, one line each; with `plain`, the reader takes no quotes off, and
    with `bare` what is in DEFAULT stands in no section.
    """
    lines = [f"# {line}".rstrip() for line in header.splitlines()]
    order = sorted(sections, key=lambda name: name != "DEFAULT")
    for section in order:
        if not sections[section]:
            continue
        lines += [""] if bare and section == "DEFAULT" else ["", f"[{section}]"]
        for key, values in sections[section].items():
            told = (written(value, plain=plain) for value in values)
            lines += [f"{key} = {text}".rstrip(" ") for text in told]
    return "\n".join(lines) + "\n"


def parsed(text: str) -> dict[str, dict[str, list[str]]]:
    """Return section to key to its raw values; lines that are neither are passed over.

    Good enough to see which keys a drop-in sets: continuation lines are appended to their value.
    """
    found: dict[str, dict[str, list[str]]] = {}
    section = "DEFAULT"
    values: list[str] | None = None
    for line in text.splitlines():
        stripped = line.strip()
        if not stripped or stripped[0] in "#;":
            values = None if not stripped else values
            continue
        if line[0] in " \t" and values:
            values[-1] += "\n" + stripped
            continue
        if stripped[0] == "[" and stripped[-1] == "]":
            section, values = stripped[1:-1], None
            continue
        match = re.match(r"([^=:]+?)\s*[=:]\s*(.*)", stripped)
        if match:
            values = found.setdefault(section, {}).setdefault(match[1], [])
            values.append(match[2])
    return found


def together(header: str, texts: Sequence[str], *, bare: bool = False) -> str:
    """Return one file that says what `texts` do, read one after the other: the last word counts."""
    merged: dict[str, dict[str, str]] = {}
    for text in texts:
        for section, keys in parsed(text).items():
            last = {key: values[-1].replace("\n", "\n    ") for key, values in keys.items()}
            merged.setdefault(section, {}).update(last)
    found = {name: {k: [v] for k, v in keys.items()} for name, keys in merged.items()}
    return rendered(header, found, plain=True, bare=bare)
