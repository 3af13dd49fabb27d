# SPDX-License-Identifier: Apache-2.0
"""The files that a binary package installs besides its maintainer scripts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from debstack.render import paths
from debstack.render.environment import render
from debstack.render.unit import rotation_units, service_unit
from debstack.spec.component import manifest_json, resolve
from debstack.spec.vocabulary import Component, Unit, Value


@dataclass(frozen=True, slots=True, kw_only=True)
class _Uwsgi:
    name: str
    application: str
    threads: int
    chunked_input_limit: int
    lines: list[tuple[str, str]]
    drop_ins: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Account:
    user: str
    title: str
    home: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Directories:
    user: str
    configuration: str
    directories: list[str]


def ini_lines(table: Mapping[str, Value]) -> Iterator[tuple[str, str]]:
    """Yield the lines of an ini file for `table`: one for each item of a list."""
    for key, value in table.items():
        for item in value if isinstance(value, tuple) else (value,):
            yield key, str(item).lower() if isinstance(item, bool) else str(item)


def uwsgi_ini(name: str, component: Component, unit: Unit) -> str:
    """Return the static part of the uWSGI configuration of the unit `name`."""
    return render(
        "uwsgi.ini.j2",
        _Uwsgi(
            name=name,
            application=unit.application,
            threads=unit.threads,
            chunked_input_limit=unit.chunked_input_limit,
            lines=list(ini_lines(unit.uwsgi)),
            drop_ins=paths.uwsgi_drop_ins(component, name),
        ),
    )


def units(component: Component, binary: str) -> dict[str, str]:
    """Return file name to text of the systemd units of `binary`."""
    package = component.package[binary]
    found = {
        f"{name}.service": service_unit(name, component, unit)
        for name, unit in package.unit.items()
    }
    for name, repository in package.key_repository.items():
        if repository.rotate:
            found.update(rotation_units(binary, name, component, repository))
    return found


def sysusers(component: Component, binary: str) -> str:
    """Return the sysusers.d(5) file of `binary`; empty if another package makes the user."""
    if not paths.brings_user(component, binary):
        return ""
    title = component.title.replace("%", "%%").replace('"', "'")
    account = _Account(user=component.user, title=title, home=paths.home(component))
    return render("sysusers.j2", account)


def tmpfiles(component: Component, binary: str) -> str:
    """Return the tmpfiles.d(5) file of `binary`; empty if it needs no directory."""
    directories = paths.state_directories(component, binary)
    if not directories or not component.user:
        return ""
    # The daemon reads its configuration; could it write there, it could replace root's files.
    configuration = f"/etc/{component.user}" if paths.brings_user(component, binary) else ""
    return render(
        "tmpfiles.j2",
        _Directories(user=component.user, configuration=configuration, directories=directories),
    )


def manifest(component: Component, binary: str) -> str:
    """Return the text of the manifest of `binary`."""
    return manifest_json(resolve(component, binary))
