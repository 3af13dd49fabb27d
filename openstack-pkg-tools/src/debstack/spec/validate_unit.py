# SPDX-License-Identifier: Apache-2.0
"""Problems of units, ports and the files they write."""

from __future__ import annotations

import re

from debstack.spec.load import quoted, suggestion
from debstack.spec.problems import Problems
from debstack.spec.vocabulary import Component, Package, Unit, UnitKind

_UNIT = re.compile(r"[a-z0-9][a-z0-9-]*")
_APPLICATION = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*:[A-Za-z_][A-Za-z0-9_]*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DIRECTIVE = re.compile(r"[A-Z][A-Za-z0-9]*")
_RELATIVE = re.compile(r"[a-z0-9][a-z0-9_.-]*(/[a-z0-9][a-z0-9_.-]*)*")
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")


def _wsgi(problems: Problems, where: str, unit: Unit) -> None:
    problems.name(
        f"{where}.application", unit.application, _APPLICATION, "an application as module:attribute"
    )
    problems.port(f"{where}.port", unit.port)
    if unit.command:
        problems.add(f"{where}.command", "uWSGI runs a wsgi unit: it has no command of its own")
    if not unit.health_path.startswith("/"):
        problems.add(f"{where}.health-path", f"expected /…, got {quoted(unit.health_path)}")
    for key, value in (
        ("threads", unit.threads),
        ("chunked-input-limit", unit.chunked_input_limit),
    ):
        if value < 0:
            problems.add(f"{where}.{key}", f"expected 0 or more, got {value}")


def _daemon(problems: Problems, where: str, unit: Unit) -> None:
    problems.command(f"{where}.command", unit.command)
    if unit.port:
        problems.port(f"{where}.port", unit.port)
    only_wsgi = {
        "application": unit.application,
        "threads": unit.threads,
        "chunked-input-limit": unit.chunked_input_limit,
        "uwsgi": unit.uwsgi,
    }
    for key, value in only_wsgi.items():
        if value:
            problems.add(f"{where}.{key}", "only a unit of kind wsgi has it")


def _unit(problems: Problems, where: str, name: str, unit: Unit, databases: list[str]) -> None:
    problems.name(where, name, _UNIT, "the name of a unit, without .service")
    if not unit.description.strip() or "\n" in unit.description:
        problems.add(f"{where}.description", "expected one line of text")
    (_wsgi if unit.kind is UnitKind.WSGI else _daemon)(problems, where, unit)
    for n, database in enumerate(unit.databases):
        if database not in databases:
            problems.add(
                f"{where}.databases[{n}]",
                f"no database is declared as {quoted(database)}{suggestion(database, databases)}",
            )
    for n, other in enumerate(unit.after):
        problems.name(f"{where}.after[{n}]", other, _UNIT, "the name of a unit, without .service")
        if other == name:
            problems.add(f"{where}.after[{n}]", "a unit cannot come after itself")
    for variable in unit.environment:
        at = f"{where}.environment.{variable}"
        problems.name(at, variable, _VARIABLE, "the name of a variable")
    for directive in unit.service:
        at = f"{where}.service.{directive}"
        problems.name(at, directive, _DIRECTIVE, "a directive of [Service]")
    for n, directory in enumerate(unit.state_directories):
        at = f"{where}.state-directories[{n}]"
        problems.name(at, directory, _RELATIVE, "a directory below /var/lib")
    for n, path in enumerate(unit.writable_paths):
        problems.path(f"{where}.writable-paths[{n}]", path)
    for key, value in (
        ("process-memory-mib", unit.process_memory_mib),
        ("max-processes", unit.max_processes),
    ):
        if value < 1:
            problems.add(f"{where}.{key}", f"expected 1 or more, got {value}")


def units(problems: Problems, where: str, component: Component, package: Package) -> None:
    """Note what is wrong with the units and paths of `package`."""
    databases = [key for p in component.package.values() for key in p.database]
    for name, unit in package.unit.items():
        _unit(problems, f"{where}.unit.{name}", name, unit, databases)
    for n, path in enumerate(package.data):
        problems.path(f"{where}.data[{n}]", path)
        if not re.match(r"/(var/lib|srv)/[^/]", path):
            problems.add(
                f"{where}.data[{n}]",
                f"expected a directory in /var/lib or /srv, got {quoted(path)}",
            )
    for n, name in enumerate(package.code_packages):
        problems.name(f"{where}.code-packages[{n}]", name, _PACKAGE, "a package's name")


def ports(problems: Problems, component: Component) -> None:
    """Note where two units listen on one port."""
    first: dict[int, str] = {}
    for binary, package in component.package.items():
        for name, unit in package.unit.items():
            where = f"package.{binary}.unit.{name}.port"
            if unit.port and unit.port in first:
                problems.add(where, f"{unit.port} is already the port of {first[unit.port]}")
            if unit.port:
                first.setdefault(unit.port, where)


def users(problems: Problems, component: Component) -> None:
    """Note where a system user is needed and none is declared."""
    if component.user:
        return
    for binary, package in component.package.items():
        for table in ("schema", "key_repository", "config", "unit"):
            if getattr(package, table):
                key = table.replace("_", "-")
                problems.add("user", f"missing, and package.{binary}.{key} needs a system user")
