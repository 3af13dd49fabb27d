# SPDX-License-Identifier: Apache-2.0
"""Turn plain data (from TOML or JSON) into the vocabulary's dataclasses, strictly, and back."""

from __future__ import annotations

import dataclasses
import difflib
import types
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from debstack.base.errors import SpecError

T = TypeVar("T")

_TYPE_NAMES = {str: "a string", int: "an integer", bool: "true or false"}


class _Invalid:
    """Marks a value that had a problem, so that reading can go on and find the others."""


_INVALID = _Invalid()


def key_of(field_name: str) -> str:
    """Return the TOML key of a dataclass field: kebab-case."""
    return field_name.replace("_", "-")


def quoted(value: object) -> str:
    """Return `value` as a reader of TOML would write it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, list):
        return "a list"
    return str(value)


def suggestion(found: str, known: list[str]) -> str:
    """Return ` (did you mean "x"?)` for the nearest of `known`, or the list of what is known."""
    close = difflib.get_close_matches(found, known, n=1, cutoff=0.6)
    if close:
        return f' (did you mean "{close[0]}"?)'
    return f" (known: {', '.join(sorted(known))})" if known else ""


class _Reader:
    def __init__(self) -> None:
        self.problems: list[str] = []

    def _bad(self, path: str, wanted: str, value: object) -> _Invalid:
        self.problems.append(f"{path}: expected {wanted}, got {quoted(value)}")
        return _INVALID

    def value(self, wanted: Any, value: object, path: str) -> Any:
        origin = get_origin(wanted)
        if origin in (Union, types.UnionType):
            return self._union(wanted, value, path)
        if origin is tuple:
            return self._tuple(get_args(wanted)[0], value, path)
        if origin is dict:
            return self._dict(get_args(wanted)[1], value, path)
        if dataclasses.is_dataclass(wanted):
            return self._table(wanted, value, path)
        if isinstance(wanted, type) and issubclass(wanted, StrEnum):
            return self._enum(wanted, value, path)
        if type(value) is not wanted:  # bool is an int to isinstance; here it is not
            return self._bad(path, _TYPE_NAMES[wanted], value)
        return value

    def _union(self, wanted: Any, value: object, path: str) -> Any:
        members = [m for m in get_args(wanted) if m is not type(None)]
        if value is None and len(members) < len(get_args(wanted)):
            return None
        for member in members:
            if get_origin(member) is tuple and isinstance(value, list):
                return self.value(member, value, path)
            if isinstance(member, type) and type(value) is member:
                return value
        if len(members) == 1:
            return self.value(members[0], value, path)
        names = [_TYPE_NAMES.get(m, "a list") for m in members]
        return self._bad(path, " or ".join(names), value)

    def _tuple(self, member: Any, value: object, path: str) -> Any:
        if not isinstance(value, list):
            return self._bad(path, "a list", value)
        read = [self.value(member, item, f"{path}[{n}]") for n, item in enumerate(value)]
        return _INVALID if any(item is _INVALID for item in read) else tuple(read)

    def _dict(self, member: Any, value: object, path: str) -> Any:
        if not isinstance(value, Mapping):
            return self._bad(path, "a table", value)
        read = {key: self.value(member, item, f"{path}.{key}") for key, item in value.items()}
        return _INVALID if any(item is _INVALID for item in read.values()) else read

    def _enum(self, wanted: type[StrEnum], value: object, path: str) -> Any:
        known = [member.value for member in wanted]
        if not isinstance(value, str) or value not in known:
            return self._bad(path, "one of " + ", ".join(known), value)
        return wanted(value)

    def _table(self, wanted: Any, value: object, path: str) -> Any:
        if not isinstance(value, Mapping):
            return self._bad(path, "a table", value)
        hints = get_type_hints(wanted)
        fields = {key_of(f.name): f for f in dataclasses.fields(wanted)}
        prefix = f"{path}." if path else ""
        read: dict[str, Any] = {}
        for key, item in value.items():
            if key not in fields:
                self.problems.append(f"{prefix}{key}: unknown key{suggestion(key, list(fields))}")
                continue
            read[fields[key].name] = self.value(hints[fields[key].name], item, prefix + key)
        for key, field in fields.items():
            required = (
                field.default is dataclasses.MISSING
                and field.default_factory is dataclasses.MISSING
            )
            if required and field.name not in read:
                self.problems.append(f"{prefix}{key}: missing, and it has no default")
                read[field.name] = _INVALID
        if any(item is _INVALID for item in read.values()):
            return _INVALID
        return wanted(**read)


def load(wanted: type[T], source: Mapping[str, Any], *, where: str) -> T:
    """Return `source` as an instance of the dataclass `wanted`; `where` names it in messages.

    Raises SpecError with every problem found, each with its exact key path.
    """
    reader = _Reader()
    loaded = reader.value(wanted, source, "")
    if reader.problems:
        raise SpecError([f"{where}: {problem}" for problem in reader.problems])
    result: T = loaded
    return result


def dump(value: Any) -> Any:
    """Return `value` as plain data that `load` reads back; what equals its default is left out."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        out: dict[str, Any] = {}
        for field in dataclasses.fields(value):
            item = getattr(value, field.name)
            if field.default is not dataclasses.MISSING and item == field.default:
                continue
            made = field.default_factory
            if made is not dataclasses.MISSING and item == made():
                continue
            out[key_of(field.name)] = dump(item)
        return out
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, Mapping):
        return {key: dump(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [dump(item) for item in value]
    return value
