# SPDX-License-Identifier: Apache-2.0
"""The parts of manual and completion that follow from the options; run when the package is built.

usage: python3 -m debstack_image.reference options|completion
"""

from __future__ import annotations

import shlex
import sys

from debstack_image.settings import GROUPS, OPTIONS, Option, Settings, spelling
from debstack_image.usage import ACTIONS


def _escaped(text: str) -> str:
    """Return `text` so that reStructuredText shows it as it is."""
    for character in "\\*|":
        text = text.replace(character, f"\\{character}")
    return text.replace("--", "\\-\\-")


def _spellings(name: str, option: Option) -> list[str]:
    words = [f"--{word}" for word in (spelling(name), *option.also)]
    if option.read is None:
        words.append(f"--no-{spelling(name)}")
    return ([f"-{option.short}"] if option.short else []) + words


def _default(name: str, option: Option) -> str:
    value = getattr(Settings(), name)
    if option.read is None:
        return "on" if value else ""
    if name in ("image_size", "source_date_epoch") or not value or name == "output":
        return ""
    if isinstance(value, tuple):
        return ",".join(value)
    if isinstance(value, int) and option.metavar.startswith("SIZE"):
        return f"{value // 2**20}M"
    return str(value)


def manual() -> str:
    """Return the options in reStructuredText, by groups."""
    lines = []
    for group in GROUPS:
        lines += [group, "-" * len(group), ""]
        for name, option in OPTIONS.items():
            if option.group != group:
                continue
            words = ", ".join(f"**{_escaped(word)}**" for word in _spellings(name, option))
            value = f" *{_escaped(option.metavar)}*" if option.metavar else ""
            default = _default(name, option)
            more = f" Default: {_escaped(default)}." if default else ""
            again = " May be repeated." if option.many else ""
            text = option.help[0].upper() + option.help[1:]
            lines += [f"{words}{value}", f"    {_escaped(text)}.{more}{again}", ""]
    lines += ["Actions", "-------", ""]
    for left, text in ACTIONS:
        lines += [
            f"**{_escaped(left.strip())}**",
            f"    {_escaped(text[0].upper() + text[1:])}.",
            "",
        ]
    return "\n".join(lines)


def completion() -> str:
    """Return the cases of the completion: options, and the values of those that have a few."""
    words = sorted({w for n, o in OPTIONS.items() for w in _spellings(n, o) if w.startswith("--")})
    words += ["--config", "--diff", "--dry-run", "--help", "--quiet", "--verbose", "--version"]
    files, folders, cases = ["--config", "--diff"], list[str](), list[str]()
    for name, option in OPTIONS.items():
        spellings = _spellings(name, option)
        if option.metavar in ("FILE", "PATH", "MANIFEST"):
            files += spellings
        elif option.metavar == "DIR":
            folders += spellings
        elif "|" in option.metavar and "SIZE" not in option.metavar:
            values = " ".join(option.metavar.split("|"))
            pattern = "|".join(word for word in spellings if not word.startswith("--no-"))
            cases.append(f"\t{pattern}) choices={shlex.quote(values)} ;;")
    lines = [
        f"_debstack_image_words={shlex.quote(' '.join(words))}",
        "_debstack_image_choices() {",
        "\tcase $1 in",
        *cases,
        f"\t{'|'.join(files)}) kind=file ;;",
        f"\t{'|'.join(folders)}) kind=folder ;;",
        "\t*) kind='' ;;",
        "\tesac",
        "}",
    ]
    return "\n".join(lines) + "\n"


def main() -> int:
    """Print the part that the first argument names."""
    print({"options": manual, "completion": completion}[sys.argv[1]](), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
