# SPDX-License-Identifier: Apache-2.0
"""From the command line and the configuration file to Settings; every problem is told at once."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from debstack.base.errors import DebstackError
from debstack_image import former
from debstack_image.settings import OPTIONS, Option, Settings, spelling

#: Words of the command line that are no settings, with whether they take a value.
ACTIONS = {"help": 0, "version": 0, "dry-run": 0, "verbose": 0, "quiet": 0, "config": 1, "diff": 2}
_SHORT_ACTIONS = {"h": "help", "v": "verbose", "q": "quiet", "n": "dry-run", "c": "config"}


class UsageError(DebstackError):
    """What was asked for cannot be understood; ends in exit code 2."""


@dataclass(slots=True)
class Request:
    """What the command line asked for: settings by field, and the actions with their values."""

    values: dict[str, Any] = field(default_factory=dict)
    actions: dict[str, list[str]] = field(default_factory=dict)


def _spellings() -> dict[str, tuple[str, bool]]:
    """Return each long word (without --) with its field and what a switch is set to."""
    known: dict[str, tuple[str, bool]] = {}
    for name, option in OPTIONS.items():
        for word in (spelling(name), *option.also):
            known[word] = (name, True)
            if option.read is None:
                known[f"no-{word}"] = (name, False)
    return known


LONG = _spellings()
_SHORT = {option.short: name for name, option in OPTIONS.items() if option.short}


def nearest(word: str, known: Sequence[str], prefix: str = "") -> str:
    """Return the hint for a word that is not among `known`."""
    close = get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean {prefix}{close[0]}?" if close else "--help lists all of them"


class _Reader:
    """Reads values for fields, and keeps the problems."""

    def __init__(self) -> None:
        self.problems: list[str] = []
        self.hint: str | None = None

    def value(self, where: str, option: Option, text: str) -> Any:
        assert option.read is not None  # noqa: S101 - switches do not come here
        try:
            return option.read(text)
        except ValueError as error:
            self.problems.append(f'{where}: expected {error}, got "{text}"')
            return None

    def unknown(self, where: str, hint: str) -> None:
        self.problems.append(where)
        self.hint = self.hint or hint

    def done(self) -> None:
        if self.problems:
            raise UsageError("\n".join(self.problems), hint=self.hint)


def _store(values: dict[str, Any], name: str, value: Any) -> None:
    if OPTIONS[name].many:
        added = value if isinstance(value, tuple) else (value,)
        value = (*values.get(name, ()), *added)
    values[name] = value


def _words(argv: Sequence[str]) -> Iterator[tuple[str, str | None, str]]:
    """Give each word as (name without dashes, value after =, the word); -mv as -m and -v."""
    for word in argv:
        if word.startswith("--"):
            name, mark, value = word[2:].partition("=")
            yield name, value if mark else None, f"--{name}"
            continue
        rest = word
        if word[1:] in former.SHORT:
            yield word, None, word
            continue
        while len(rest) > 2 and rest.startswith("-") and _is_switch(rest[1]):
            yield rest[:2], None, rest[:2]
            rest = f"-{rest[2:]}"
        yield rest, None, rest


def _is_switch(letter: str) -> bool:
    if letter in _SHORT_ACTIONS:
        return ACTIONS[_SHORT_ACTIONS[letter]] == 0
    return letter in _SHORT and OPTIONS[_SHORT[letter]].read is None


def parse_command_line(argv: Sequence[str]) -> Request:
    """Return what `argv` asks for. Raises UsageError with every problem found."""
    request, reader = Request(), _Reader()
    words = _words(argv)
    for name, attached, shown in words:
        if not shown.startswith("-") or shown in ("-", "--"):
            reader.unknown(
                f'unexpected argument "{shown}"', "options begin with --; --help lists them"
            )
            continue
        if not shown.startswith("--"):
            letter, rest = shown[1], shown[2:]
            if hint := former.instead(former.SHORT, shown[1:]):
                reader.unknown(f"unknown option {shown}", hint)
                continue
            found = _SHORT.get(letter) or _SHORT_ACTIONS.get(letter)
            if found is None:
                reader.unknown(f"unknown option -{letter}", "--help lists all of them")
                continue
            name, shown = spelling(found), f"-{letter}"
            attached = rest or None
        if name in ACTIONS:
            count = ACTIONS[name]
            taken = [] if attached is None else [attached]
            if count == 0 and taken:
                reader.unknown(f"{shown}: takes no value", f"write {shown} alone")
                continue
            while len(taken) < count:
                following = next(words, None)
                if following is None:
                    reader.unknown(f"{shown}: expected a value, got none", f"{shown} FILE")
                    break
                taken.append(_whole(following))
            request.actions[name] = taken
            continue
        if name not in LONG:
            known = [*LONG, *ACTIONS]
            hint = former.instead(former.LONG, name) or nearest(name, known, "--")
            reader.unknown(f"unknown option {shown}", hint)
            continue
        target, on = LONG[name]
        option = OPTIONS[target]
        if option.read is None:
            if attached is not None:
                reader.unknown(f"{shown}: takes no value", f"write {shown}, or --no-{name}")
                continue
            request.values[target] = on
            continue
        if attached is None:
            following = next(words, None)
            if following is None:
                reader.unknown(
                    f"{shown}: expected a value, got none", f"write {shown} {option.metavar}"
                )
                break
            attached = _whole(following)
        value = reader.value(shown, option, attached)
        if value is not None:
            _store(request.values, target, value)
    reader.done()
    return request


def _whole(item: tuple[str, str | None, str]) -> str:
    """Return a word as it was written."""
    _, attached, shown = item
    return shown if attached is None else f"{shown}={attached}"


def _toml_value(reader: _Reader, where: str, option: Option, found: object) -> Any:
    if option.read is None:
        if isinstance(found, bool):
            return found
        reader.problems.append(f"{where}: expected true or false, got {found!r}")
        return None
    items = found if isinstance(found, list) else [found]
    if isinstance(found, bool) or not all(isinstance(item, str | int) for item in items):
        reader.problems.append(f"{where}: expected {option.metavar}, got {found!r}")
        return None
    if isinstance(found, list) and not _is_list(option):
        reader.problems.append(f"{where}: expected one value, got {len(found)}")
        return None
    taken = [reader.value(where, option, str(item)) for item in items]
    if not _is_list(option):
        return taken[0]
    flat: list[Any] = []
    for item in taken:
        flat.extend(item if isinstance(item, tuple) else [item])
    return tuple(flat)


def _is_list(option: Option) -> bool:
    return option.many or "…" in option.metavar


def parse_table(where: str, content: Mapping[str, object], folder: Path) -> dict[str, Any]:
    """Return the settings in a table of long names. Raises UsageError with every problem found.

    Paths in it are relative to `folder`; `where` begins each message.
    """
    reader, values = _Reader(), dict[str, Any]()
    known = {spelling(name): name for name in OPTIONS}
    for key, found in content.items():
        if key not in known:
            reader.unknown(f"{where}: unknown key {key}", nearest(key, list(known)))
            continue
        name = known[key]
        found = _beside(found, folder) if _is_path(OPTIONS[name]) else found
        value = _toml_value(reader, f"{where}: {key}", OPTIONS[name], found)
        if value is not None:
            values[name] = value
    reader.done()
    return values


def parse_file(path: Path) -> dict[str, Any]:
    """Return the settings in the TOML file `path`. Raises UsageError with every problem found."""
    try:
        # It is read again by the process that builds: not so with what comes through a pipe.
        if path.exists() and not path.is_file():
            raise UsageError(f"--config: {path}: expected a file")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"--config: cannot read {path}: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: not TOML: {error}") from error
    return parse_table(os.fspath(path), content, path.parent)


def _is_path(option: Option) -> bool:
    return option.metavar in ("FILE", "DIR", "PATH", "MANIFEST")


def _beside(found: object, folder: Path) -> object:
    if isinstance(found, list):
        return [_beside(item, folder) for item in found]
    return str(folder / Path(found).expanduser()) if isinstance(found, str) else found


def settings_from(request: Request, defaults_of: Callable[[Path], dict[str, Any]]) -> Settings:
    """Return the Settings of a request: command line over file over manifest over default.

    `defaults_of` reads the manifest of an image that is to be built again.
    """
    paths = request.actions.get("config")
    values = parse_file(Path(paths[0]).absolute()) if paths else {}
    values.update(request.values)
    if values.get("reproduce"):
        values = {**defaults_of(values["reproduce"]), **values}
    return Settings(**values)
