# SPDX-License-Identifier: Apache-2.0
"""debstack doctor: what is wrong or unwise on this machine, and the repair of each."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from debstack.base.errors import DatabaseError, DebstackError
from debstack.base.main import FAILURE, OK
from debstack.base.run import run
from debstack.runtime import answers, catalogue, ini, listening
from debstack.runtime.assemble import without_secrets
from debstack.runtime.cells import places
from debstack.runtime.database.driver import driver_for
from debstack.runtime.files import read_text
from debstack.runtime.graph import State
from debstack.runtime.machine import Machine, engine_in_use, read_machine, require_root
from debstack.runtime.nodes import passwords
from debstack.runtime.plan import planned
from debstack.runtime.site import Engine
from debstack.runtime.steps.clouds import CLOUDS, OPENRC
from debstack.spec import drop_in
from debstack.spec.vocabulary import Config, Dialect, Manifest

_SERVER_PORTS = {
    3306: "MariaDB",
    4369: "Erlang's port mapper",
    5432: "PostgreSQL",
    5672: "RabbitMQ",
    11211: "memcached",
    25672: "RabbitMQ's distribution",
}
_UPGRADE_CHECK_S = 120.0
#: Parts of the names of options that hold passwords, by themselves or within a URL.
_SECRET_KEYS = ("password", "connection", "transport_url", "secret", "key")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something to look at. `serious` means that it does not work as declared."""

    what: str
    repair: str
    serious: bool = False


def _steps(machine: Machine) -> Iterator[Finding]:
    for result in planned(machine):
        if result.error is not None:
            told = f"{result.id}: {result.error.message}"
            yield Finding(what=told, repair=result.error.hint or "debstack apply", serious=True)
        elif result.state not in (State.IN_ORDER, State.BLOCKED):
            told = f"{result.id}: not done yet: {'; '.join(result.summaries)}"
            yield Finding(what=told, repair="debstack apply", serious=True)


def _python(root: Path, config: Config) -> Iterator[Finding]:
    for path in sorted((root / config.directory.lstrip("/")).glob("*.py")):
        try:
            compile(read_text(path) or "", path, "exec")
        except (SyntaxError, ValueError) as error:
            yield Finding(
                what=f"{path}: not Python: {error}",
                repair=f"correct {path}, then run: debstack apply",
                serious=True,
            )


def _drop_ins(root: Path, config: Config, name: str) -> Iterator[Finding]:
    if config.dialect is Dialect.PYTHON:
        yield from _python(root, config)
    if config.dialect is not Dialect.OSLO:
        return
    known = catalogue.read_catalogue(root, name)
    if known is None:
        told = f"{catalogue.OPTIONS}/{name}.json: missing: options of {name} cannot be checked"
        yield Finding(what=told, repair="reinstall the package that brings it")
        return
    folder = root / config.directory.lstrip("/")
    for path in sorted(folder.glob("*.conf")):
        parsed = ini.parsed(read_text(path) or "")
        keys = [(section, key) for section, found in parsed.items() for key in found]
        for problem in catalogue.unknown(known, config.sections_like, keys):
            yield Finding(
                what=f"{path}: {problem}: the service ignores it",
                repair=f"correct or remove that line of {path}, then run: debstack apply",
            )


def _mode(path: Path, forbidden: int) -> Iterator[Finding]:
    try:
        mode = stat.S_IMODE(path.stat().st_mode)
    except FileNotFoundError:
        return
    if mode & forbidden:
        yield Finding(
            what=f"{path}: it holds passwords, and its mode is {mode:04o}",
            repair=f"chmod {mode & ~forbidden:04o} {path}",
            serious=True,
        )


def _sets_password(path: Path) -> bool:
    keys = [key for found in ini.parsed(read_text(path) or "").values() for key in found]
    return any(word in key.lower() for key in keys for word in _SECRET_KEYS)


def _modes(machine: Machine) -> Iterator[Finding]:
    others = [passwords.path_of(node) for node in machine.node_secrets]
    others += [f"{places.FOLDER}/{name}{places.SUFFIX}" for name in places.names(machine.root)]
    for absolute in (answers.SECRETS_FILE, *others, CLOUDS, OPENRC):
        yield from _mode(machine.root / absolute.lstrip("/"), 0o077)
    for manifest in machine.manifests:
        for config in manifest.package.config.values():
            folder = machine.root / config.directory.lstrip("/")
            for path in sorted(folder.glob(f"*{drop_in.suffix(config)}")):
                if _sets_password(path):
                    yield from _mode(path, 0o007)


def _ports(machine: Machine) -> Iterator[Finding]:
    open_ports = listening.wildcard_ports(machine.root)
    services = {
        unit.port: name
        for manifest in machine.manifests
        for name, unit in manifest.package.unit.items()
        if unit.port
    }
    for port, name in sorted({**_SERVER_PORTS, **services}.items()):
        if port in open_ports:
            yield Finding(
                what=f"{name} listens at every address of this machine (port {port})",
                repair="bind it to the loopback or the management address, or close the port",
            )


def _upgrade_check(manifest: Manifest) -> Iterator[Finding]:
    program = Path(f"/usr/bin/{manifest.source}-status")
    if not program.exists() or not manifest.package.schema:
        return
    # What the controller uses too is checked there, with the rest, which cannot be seen from here.
    if all(database.remote for database in manifest.package.database.values()):
        return
    argv = [str(program), "upgrade", "check"]
    done = run(argv, check=False, as_user=manifest.user or None, timeout_s=_UPGRADE_CHECK_S)
    if done.code == 0:
        return
    lines = [line.strip(" |") for line in done.stdout.splitlines()]
    reasons = [line for line in lines if line.startswith(("Check:", "Result:", "Details:"))]
    told = "; ".join(reasons) or (done.stderr.strip().splitlines() or ["no reason given"])[-1]
    yield Finding(
        what=f"{program} upgrade check: {told}",
        repair=f"see: runuser -u {manifest.user} -- {program} upgrade check",
        serious=done.code > 1,
    )


def _database(machine: Machine) -> Iterator[Finding]:
    installed = machine.facts.servers & {"mariadb", "postgresql"}
    if engine_in_use(machine.root, machine.manifests) is Engine.SQLITE and installed:
        yield Finding(
            what=f"the services keep their data in SQLite, though {', '.join(sorted(installed))}"
            " is installed: data are not moved by themselves",
            repair="set openstack/database to begin anew there, after saving what you need",
        )


def _isolation(machine: Machine) -> Iterator[Finding]:
    """Find a MariaDB that answers services with errors they do not expect, wherever it is."""
    site = machine.context().site
    if site.database.engine is not Engine.MARIADB or not site.accounts:
        return
    account = next(iter(site.accounts.values()))
    try:
        with driver_for(site.database, machine.root).open(account) as session:
            rows = session.rows("SHOW VARIABLES LIKE 'innodb_snapshot_isolation'")
    except DatabaseError:
        return  # a step tells it
    if [value for _name, value in rows] == ["ON"]:
        yield Finding(
            what="MariaDB refuses to change rows that have changed since they were read (error"
            " 1020), and services then fail now and then",
            repair="below [mariadbd] on the machine of the server: innodb_snapshot_isolation = OFF",
        )


def examine(machine: Machine) -> list[Finding]:
    """Return everything to look at on `machine`. Raises DebstackError where nothing can be told."""
    found = [
        Finding(what=warning, repair=f"correct it in {answers.SITE_FILE}")
        for warning in machine.warnings
    ]
    try:
        found += _steps(machine)
        found += _isolation(machine)
    except DebstackError as error:
        found.append(Finding(what=error.message, repair=error.hint or "", serious=True))
    for manifest in machine.manifests:
        for name, config in manifest.package.config.items():
            found += _drop_ins(machine.root, config, name)
        found += _upgrade_check(manifest)
    return [*found, *_modes(machine), *_ports(machine), *_database(machine)]


def doctor(*, as_json: bool = False) -> int:
    """Print what is wrong or unwise, with the repair; return 3 if something does not work."""
    require_root()
    machine = read_machine()
    findings = examine(machine)
    told = [
        {
            "serious": finding.serious,
            "what": without_secrets(machine, finding.what),
            "repair": finding.repair,
        }
        for finding in findings
    ]
    if as_json:
        print(json.dumps(told, indent=1, ensure_ascii=False))
    for item in told if not as_json else []:
        print(f"{'problem' if item['serious'] else 'advice'}: {item['what']}")
        print(f"    repair: {item['repair']}")
    if not told:
        print("debstack: nothing found", file=sys.stderr)
    return FAILURE if any(finding.serious for finding in findings) else OK
