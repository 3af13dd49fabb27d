# SPDX-License-Identifier: Apache-2.0
"""systemd units: the daemons, and the rotation of keys."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from debstack.render import paths
from debstack.render.environment import render, unit_word
from debstack.spec import drop_in
from debstack.spec.vocabulary import Component, KeyRepository, Unit, UnitKind, Value

Directives = list[tuple[str, str]]

#: What no OpenStack daemon needs to be allowed; openstack.toml can take any of it back.
HARDENING: Directives = [
    ("UMask", "0027"),
    ("NoNewPrivileges", "yes"),
    ("CapabilityBoundingSet", ""),
    ("AmbientCapabilities", ""),
    ("ProtectSystem", "strict"),
    ("ProtectHome", "yes"),
    ("PrivateTmp", "yes"),
    ("PrivateDevices", "yes"),
    ("ProtectClock", "yes"),
    ("ProtectControlGroups", "yes"),
    ("ProtectHostname", "yes"),
    ("ProtectKernelLogs", "yes"),
    ("ProtectKernelModules", "yes"),
    ("ProtectKernelTunables", "yes"),
    ("ProtectProc", "invisible"),
    ("LockPersonality", "yes"),
    ("MemoryDenyWriteExecute", "yes"),
    ("RemoveIPC", "yes"),
    ("RestrictAddressFamilies", "AF_UNIX AF_INET AF_INET6 AF_NETLINK"),
    ("RestrictNamespaces", "yes"),
    ("RestrictRealtime", "yes"),
    ("RestrictSUIDSGID", "yes"),
    ("SystemCallArchitectures", "native"),
    ("SystemCallFilter", "@system-service"),
    ("SystemCallFilter", "~@privileged @resources"),
    ("SystemCallErrorNumber", "EPERM"),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A .service file; `service` holds the lines of its [Service] section."""

    name: str
    description: str
    conditions: tuple[str, ...]
    service: Directives
    wanted_by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Timer:
    """A .timer file."""

    description: str
    on_calendar: str


def _command(argv: Iterable[str]) -> str:
    return " ".join(unit_word(word) for word in argv)


def _text(value: str | int | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def overridden(directives: Directives, changes: Mapping[str, Value]) -> Directives:
    """Return `directives` with `changes` in place of those of the same name, or added."""
    lines: Directives = []
    for key, value in changes.items():
        values = value if isinstance(value, tuple) else (value,)
        lines += [(key, _text(item)) for item in values]
    return [line for line in directives if line[0] not in changes] + lines


def _start(name: str, component: Component, unit: Unit) -> Directives:
    if unit.kind is UnitKind.WSGI:
        ini = f"{paths.UWSGI}/{name}.ini"
        # READY=1 comes from the master once the application is loaded.
        return [("Type", "notify"), ("ExecStart", _command(["/usr/bin/uwsgi", "--ini", ini]))]
    return [("Type", "exec"), ("ExecStart", _command(unit.command))]


def _writable(component: Component, unit: Unit) -> Directives:
    directories = " ".join([component.user, *unit.state_directories])
    lines = [("StateDirectory", directories), ("StateDirectoryMode", "0750")]
    if unit.writable_paths:
        lines.append(("ReadWritePaths", " ".join(f"-{path}" for path in unit.writable_paths)))
    return lines


def _environment(declared: Mapping[str, str]) -> Directives:
    return [("Environment", unit_word(f"{name}={value}")) for name, value in declared.items()]


def _conditions(name: str, component: Component, unit: Unit) -> tuple[str, ...]:
    """A unit that dpkg or a boot starts too early is skipped, not failed."""
    mark = [f"{paths.MARKS}/{name}"] if unit.when is not None else []
    if unit.kind is UnitKind.WSGI:
        return (paths.uwsgi_drop_in(component, name), *mark)
    binary = next(key for key, package in component.package.items() if name in package.unit)
    # The one that brings the user has what all of them read; others may not be installed.
    near = dict.fromkeys([next(iter(component.package)), binary])
    near |= dict.fromkeys(component.package[binary].code_packages)
    declared = [component.package[key].config for key in near if key in component.package]
    configs = [config for table in declared for config in table.values()]
    return (*(drop_in.path_of(config) for config in configs), *mark)


def service_unit(name: str, component: Component, unit: Unit) -> str:
    """Return the text of the .service file of the daemon `name`."""
    service: Directives = [
        *_start(name, component, unit),
        ("User", component.user),
        ("Group", component.user),
        *_environment(unit.environment),
        *_writable(component, unit),
        ("RuntimeDirectory", name),
        ("RuntimeDirectoryMode", "0750"),
        ("Restart", "on-failure"),
        ("RestartSec", "3"),
        ("TimeoutStartSec", "120"),
        ("TimeoutStopSec", "90"),
        ("KillMode", "mixed"),
        *HARDENING,
    ]
    return render(
        "service.j2",
        Service(
            name=name,
            description=unit.description.replace("%", "%%"),
            conditions=_conditions(name, component, unit),
            service=overridden(service, unit.service),
            wanted_by="multi-user.target",
        ),
    )


def rotation_name(binary: str, repository: str) -> str:
    """Return the name, without suffix, of the units that rotate the keys of `repository`."""
    return f"{binary}-{repository}-rotate"


def rotation_units(
    binary: str, name: str, component: Component, repository: KeyRepository
) -> dict[str, str]:
    """Return file name to text of the service and the timer that rotate `repository`."""
    unit = rotation_name(binary, name)
    service: Directives = [
        ("Type", "oneshot"),
        ("ExecStart", _command(repository.rotate)),
        ("User", component.user),
        ("Group", component.user),
        ("ReadWritePaths", repository.path),
        *HARDENING,
    ]
    title = component.title.replace("%", "%%")
    description = f"{title}: rotation of the {name} keys"
    return {
        f"{unit}.service": render(
            "service.j2",
            Service(
                name=unit,
                description=description,
                conditions=(f"{repository.path}/0",),
                service=service,
                wanted_by="",
            ),
        ),
        f"{unit}.timer": render(
            "timer.j2", Timer(description=description, on_calendar=repository.on_calendar)
        ),
    }
