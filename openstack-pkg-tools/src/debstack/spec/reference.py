# SPDX-License-Identifier: Apache-2.0
"""The reference of openstack.toml, made from the vocabulary's own comments and docstrings.

Run as a program, it prints reStructuredText: the tables of openstack.toml(5).
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from dataclasses import dataclass

from debstack.spec import vocabulary
from debstack.spec.load import key_of

_TYPES = {
    "str": "string",
    "int": "integer",
    "bool": "true or false",
    "tuple[str, ...]": "list of strings",
    "dict[str, str]": "table of strings",
    "Sections": "table of sections",
    "dict[str, Value]": "table",
    "dict[str, Scalar]": "table",
    "tuple[Row, ...]": "array of tables",
    "tuple[Conditional, ...]": "array of tables",
    "tuple[CephPool, ...]": "array of tables",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a table: its name, type and default as a reader of TOML writes them."""

    name: str
    type: str
    default: str | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """One table of openstack.toml."""

    path: str
    text: str
    keys: tuple[Key, ...]


def _comments(lines: list[str], number: int) -> str:
    """Return the `#:` comment that ends just above line `number` (counted from 1)."""
    found: list[str] = []
    for line in reversed(lines[: number - 1]):
        if not line.strip().startswith("#:"):
            break
        found.insert(0, line.strip().removeprefix("#:").strip())
    return " ".join(found)


def _default(field: ast.AnnAssign) -> str | None:
    """Return the default in TOML, or None where the key is required."""
    if field.value is None:
        return None
    text = ast.unparse(field.value)
    if text.startswith("field("):
        return "{}" if "dict" in text else "[]"
    if isinstance(field.value, ast.Attribute):
        member: str = getattr(getattr(vocabulary, text.split(".")[0]), field.value.attr)
        return f'"{member}"'
    if isinstance(field.value, ast.Name):
        return f'"{getattr(vocabulary, field.value.id)}"'
    if isinstance(field.value, ast.Constant) and isinstance(field.value.value, str):
        return f'"{field.value.value}"'
    spelled = {"None": "none", "()": "[]", "True": "true", "False": "false"}
    return spelled.get(text) or _list(text)


def _list(text: str) -> str:
    return text.replace("(", "[").replace(",)", "]").replace(")", "]").replace("'", '"')


def _enumerated(type_text: str) -> str | None:
    named = getattr(vocabulary, type_text, None)
    members = getattr(named, "__members__", None)
    return None if members is None else "one of " + ", ".join(m.value for m in members.values())


def _keys(node: ast.ClassDef, lines: list[str]) -> Iterator[Key]:
    for field in node.body:
        if not isinstance(field, ast.AnnAssign) or not isinstance(field.target, ast.Name):
            continue
        type_text = ast.unparse(field.annotation).removesuffix(" | None")
        yield Key(
            name=key_of(field.target.id),
            type=_TYPES.get(type_text) or _enumerated(type_text) or "table",
            default=_default(field),
            text=_comments(lines, field.lineno),
        )


#: Dataclass to the path of the table that it describes, in the order of the page.
_PATHS = {
    "Component": "",
    "Package": "package.BINARY",
    "Question": "package.BINARY.question.KEY",
    "Database": "package.BINARY.database.KEY",
    "Schema": "package.BINARY.schema.KEY",
    "Row": "package.BINARY.row",
    "Load": "package.BINARY.load.NAME",
    "Task": "package.BINARY.task.NAME",
    "KeyRepository": "package.BINARY.key-repository.KEY",
    "Bootstrap": "package.BINARY.bootstrap",
    "Domain": "package.BINARY.domain.NAME",
    "Role": "package.BINARY.role.NAME",
    "ServiceUser": "package.BINARY.service-user.KEY",
    "CatalogueService": "package.BINARY.service.TYPE",
    "Endpoint": "package.BINARY.service.TYPE.endpoint",
    "Messaging": "package.BINARY.messaging.KEY",
    "Rings": "package.BINARY.rings",
    "Ring": "package.BINARY.rings.ring.NAME",
    "HostAggregates": "package.BINARY.host-aggregates",
    "VolumeTypes": "package.BINARY.volume-types",
    "Cells": "package.BINARY.cells",
    "Record": "package.BINARY.record.PROGRAM",
    "Ceph": "package.BINARY.ceph",
    "CephPool": "package.BINARY.ceph.pool",
    "Certificate": "package.BINARY.certificate",
    "Config": "package.BINARY.config.NAME",
    "Conditional": "package.BINARY.config.NAME.when",
    "Unit": "package.BINARY.unit.NAME",
    "Condition": "package.BINARY.unit.NAME.when",
}


def _inherited(node: ast.ClassDef, classes: dict[str, ast.ClassDef]) -> Iterator[ast.ClassDef]:
    """Yield what the class `node` is made from, its bases first."""
    for base in node.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from _inherited(classes[base.id], classes)
    yield node


def tables() -> list[Table]:
    """Return every table of the vocabulary, in the order of the reference page."""
    source = inspect.getsource(vocabulary)
    lines = source.splitlines()
    classes = {node.name: node for node in ast.parse(source).body if isinstance(node, ast.ClassDef)}
    return [
        Table(
            path=path,
            text=ast.get_docstring(classes[name]) or "",
            keys=tuple(
                key for node in _inherited(classes[name], classes) for key in _keys(node, lines)
            ),
        )
        for name, path in _PATHS.items()
    ]


def _literal(text: str) -> str:
    return text.replace("${", r"\${").replace("*", r"\*").replace("<", r"\<")


def restructured_text() -> str:
    """Return the tables as sections with definition lists."""
    out = []
    for table in tables():
        heading = f"[{table.path}]" if table.path else "top of the file"
        out += [heading, "-" * len(heading), "", _literal(table.text), ""]
        for key in table.keys:
            default = "required" if key.default is None else f"default ``{key.default}``"
            out += [f"**{key.name}** ({key.type}; {default})"]
            out += [f"    {_literal(key.text)}", ""]
    return "\n".join(out)


if __name__ == "__main__":
    print(restructured_text())
