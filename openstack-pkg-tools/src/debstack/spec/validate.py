# SPDX-License-Identifier: Apache-2.0
"""What a component must fulfil beyond the types of its keys; every problem found is reported."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from debstack.spec import validate_question, validate_setting, validate_unit
from debstack.spec.load import quoted, suggestion
from debstack.spec.problems import Problems
from debstack.spec.questions import prefix_of
from debstack.spec.references import Known
from debstack.spec.vocabulary import (
    DEFAULT_DOMAIN,
    ENGINES,
    RECORD_SERVICES,
    Component,
    Config,
    Dialect,
    Package,
    Question,
    Sections,
)

_SOURCE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_SQL_NAME = re.compile(r"[a-z][a-z0-9_]{0,31}")
_ACCOUNT = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_SERVICE_TYPE = re.compile(r"[a-z][a-z0-9-]*")
_SNAPSHOT = re.compile(r"[a-z][a-z0-9_-]{0,62}")
_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")
_OPTION = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
#: What `keystone-manage bootstrap` makes, besides the domain.
KEYSTONE_ROLES = frozenset({"admin", "manager", "member", "reader", "service"})
_SETTING = re.compile(r"[A-Z][A-Z0-9_]*")
_ENTRIES = re.compile(r"[A-Z][A-Z0-9_]*(\.[^.\s]+)*")
_SAMPLE = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(/[A-Za-z0-9_][A-Za-z0-9_.-]*)*")
_RING = re.compile(r"[a-z][a-z0-9-]*")
#: What the rings are made of: questions of the component that has them.
_RING_QUESTIONS = (
    "devices",
    "replicas",
    "part-power",
    "rebalance-limit",
    "storage-address",
    "mount-check",
    "ring-host",
)
#: What says which host aggregates a machine joins, and by whom it is asked for.
_AGGREGATE_QUESTIONS = ("availability-zone", "aggregates", "service-password")
#: What says which volume types there are to be.
_VOLUME_TYPE_QUESTIONS = ("backend", "default-volume-type")
_ENTRY = re.compile(r"[^\s]+")


def known_names(component: Component, shared: Mapping[str, Question]) -> Known:
    """Return the names that references of `component` may point to."""
    packages = component.package.values()
    prefix = prefix_of(component)
    own = {f"{prefix}/{key}" for p in packages for key in p.question}
    return Known(
        databases=frozenset(key for p in packages for key in p.database),
        virtual_hosts=frozenset(key for p in packages for key in p.messaging),
        service_users=frozenset(key for p in packages for key in p.service_user),
        questions=frozenset(own | set(shared)),
        service_types=frozenset(key for p in packages for key in p.service),
        certificate=any(p.certificate is not None for p in packages),
    )


def _top(problems: Problems, component: Component, binaries: frozenset[str] | None) -> None:
    problems.name("source", component.source, _SOURCE, "the name of a source package")
    if component.question_prefix:
        problems.name("question-prefix", component.question_prefix, _SOURCE, "a prefix")
    if component.user:
        problems.name("user", component.user, _USER, "the name of a system user")
    if not component.title.strip():
        problems.add("title", 'expected a name that a person knows, got ""')
    if not component.package:
        problems.add("package", "expected at least one binary package")
    for binary in component.package:
        if binaries is not None and binary not in binaries:
            problems.add(f"package.{binary}", f"not in debian/control{_near(binary, binaries)}")


def _near(name: str, known: Iterable[str]) -> str:
    return suggestion(name, sorted(known))


def _duplicates(problems: Problems, component: Component) -> None:
    for table in (
        "question",
        "database",
        "domain",
        "role",
        "service_user",
        "service",
        "messaging",
        "unit",
        "config",
        "task",
        "record",
    ):
        first: dict[str, str] = {}
        for binary, package in component.package.items():
            for key in getattr(package, table):
                where = f"package.{binary}.{table.replace('_', '-')}.{key}"
                if key in first:
                    problems.add(where, f"already declared as {first[key]}")
                first.setdefault(key, where)


def _in_keystone(problems: Problems, where: str, package: Package, domains: list[str]) -> None:
    for key in package.domain:
        at = f"{where}.domain.{key}"
        problems.name(at, key, _ACCOUNT, "the name of a domain")
        if key.lower() == DEFAULT_DOMAIN.lower():
            problems.add(at, "Keystone's own domain, which no package may take away")
    for key in package.role:
        at = f"{where}.role.{key}"
        problems.name(at, key, _ACCOUNT, "the name of a role")
        if key in KEYSTONE_ROLES:
            problems.add(at, "a role that Keystone makes, which no package may take away")
    for key, user in package.service_user.items():
        at = f"{where}.service-user.{key}"
        problems.name(at, key, _ACCOUNT, "a user's name")
        if not user.roles:
            problems.add(f"{at}.roles", "expected at least one role")
        if user.domain not in domains:
            near = _near(user.domain, domains)
            problems.add(f"{at}.domain", f"no domain is declared as {quoted(user.domain)}{near}")


def _accounts(problems: Problems, where: str, package: Package) -> None:
    for key, database in package.database.items():
        problems.name(f"{where}.database.{key}", key, _SQL_NAME, "the name of a database")
        if database.user:
            problems.name(f"{where}.database.{key}.user", database.user, _SQL_NAME, "a user's name")
    for key in package.messaging:
        problems.name(f"{where}.messaging.{key}", key, _ACCOUNT, "the name of a virtual host")
    for key, service in package.service.items():
        at = f"{where}.service.{key}"
        problems.name(at, key, _SERVICE_TYPE, "a service type")
        problems.port(f"{at}.endpoint.port", service.endpoint.port)
        if service.endpoint.path and not service.endpoint.path.startswith("/"):
            problems.add(f"{at}.endpoint.path", f"expected /…, got {quoted(service.endpoint.path)}")


def _schemas(problems: Problems, where: str, package: Package) -> None:
    for key, schema in package.schema.items():
        at = f"{where}.schema.{key}"
        if key not in package.database:
            near = _near(key, package.database)
            problems.add(at, f"this package declares no database of that name{near}")
        problems.command(f"{at}.sync", schema.sync)
        if schema.migrations.startswith("/") or ".." in schema.migrations.split("/"):
            problems.add(
                f"{at}.migrations",
                f"expected a path below dist-packages, got {quoted(schema.migrations)}",
            )
        for n, engine in enumerate(schema.engines):
            if engine not in ENGINES:
                near = _near(engine, ENGINES)
                problems.add(f"{at}.engines[{n}]", f"expected one of {', '.join(ENGINES)}{near}")
        if schema.snapshot:
            problems.name(f"{at}.snapshot", schema.snapshot, _SNAPSHOT, "a file name")


def _identity(problems: Problems, where: str, component: Component, package: Package) -> None:
    for key, repository in package.key_repository.items():
        at = f"{where}.key-repository.{key}"
        problems.path(f"{at}.path", repository.path)
        if repository.rotate:
            problems.command(f"{at}.rotate", repository.rotate)
        if repository.rotate and not repository.on_calendar:
            problems.add(f"{at}.on-calendar", "expected a systemd calendar expression")
    bootstrap = package.bootstrap
    if bootstrap is None:
        return
    at = f"{where}.bootstrap"
    problems.command(f"{at}.command", bootstrap.command)
    variable = bootstrap.password_variable
    problems.name(f"{at}.password-variable", variable, _VARIABLE, "the name of a variable")
    schemas = [key for p in component.package.values() for key in p.schema]
    if bootstrap.database not in schemas:
        near = _near(bootstrap.database, schemas)
        problems.add(
            f"{at}.database", f"no schema is declared for {quoted(bootstrap.database)}{near}"
        )
    units = [key for p in component.package.values() for key in p.unit]
    if bootstrap.unit not in units:
        near = _near(bootstrap.unit, units)
        problems.add(f"{at}.unit", f"no unit is declared as {quoted(bootstrap.unit)}{near}")


def _option(problems: Problems, where: str, section: str, option: str, dialect: Dialect) -> None:
    if dialect is not Dialect.PYTHON:
        problems.name(where, option, _OPTION, "the name of an option")
    elif section == "DEFAULT":
        problems.name(where, option, _SETTING, "the name of a setting, in capitals")
    else:
        problems.name(where, option, _ENTRY, "a key of a dict")


def _sections(
    problems: Problems, where: str, sections: Sections, known: Known, dialect: Dialect
) -> None:
    for section, options in sections.items():
        if dialect is Dialect.PYTHON:
            problems.name(
                f"{where}.{section}", section, _ENTRIES, "DEFAULT, or SETTING.key for a dict"
            )
        for option, value in options.items():
            at = f"{where}.{section}.{option}"
            _option(problems, at, section, option, dialect)
            validate_setting.value(problems, at, value, known)


def _config(
    problems: Problems,
    where: str,
    config: Config,
    known: Known,
    questions: Mapping[str, Question],
) -> None:
    problems.path(f"{where}.directory", config.directory)
    if config.dialect is Dialect.OSLO and not config.namespaces:
        problems.add(f"{where}.namespaces", "expected at least one oslo.config namespace")
    if config.dialect not in (Dialect.OSLO, Dialect.PASTE) and config.namespaces:
        problems.add(f"{where}.namespaces", "only a file that oslo.config reads has namespaces")
    if config.dialect is Dialect.PASTE and not config.samples:
        problems.add(f"{where}.samples", "expected at least one sample file")
    if config.dialect is not Dialect.PASTE and config.samples:
        problems.add(f"{where}.samples", "only a file for Paste Deploy has samples")
    for n, sample in enumerate(config.samples):
        problems.name(f"{where}.samples[{n}]", sample, _SAMPLE, "a path in the source")
    if config.file:
        problems.path(f"{where}.file", config.file)
        if config.dialect is Dialect.PYTHON:
            problems.add(f"{where}.file", "only drop-ins in INI form can be put together")
    _sections(problems, f"{where}.set", config.set, known, config.dialect)
    for n, conditional in enumerate(config.when):
        at = f"{where}.when[{n}]"
        validate_setting.condition(problems, at, conditional, known, questions)
        validate_setting.needs(problems, at, conditional, questions)
        _sections(problems, f"{at}.set", conditional.set, known, config.dialect)
    used = set(config.set)
    used.update(section for conditional in config.when for section in conditional.set)
    for section in config.sections_like:
        if section not in used:
            near = _near(section, used)
            problems.add(f"{where}.sections-like.{section}", f"no such section is set{near}")


def _records(problems: Problems, where: str, package: Package, known: Known) -> None:
    for key, record in package.record.items():
        at = f"{where}.record.{key}"
        problems.name(at, key, _ACCOUNT, "the name of a program")
        problems.name(f"{at}.user", record.user, _ACCOUNT, "a user's name")
        if record.service not in RECORD_SERVICES:
            accepted = ", ".join(RECORD_SERVICES)
            found = quoted(record.service)
            problems.add(f"{at}.service", f"expected one of {accepted}, got {found}")
        validate_setting.value(problems, f"{at}.password", record.password, known)


def _rings(problems: Problems, where: str, component: Component, package: Package) -> None:
    rings = package.rings
    if rings is None:
        return
    problems.path(f"{where}.directory", rings.directory)
    problems.path(f"{where}.devices", rings.devices)
    problems.port(f"{where}.port", rings.port)
    if not rings.ring:
        problems.add(f"{where}.ring", "expected at least one ring")
    units = [key for p in component.package.values() for key in p.unit]
    for name, ring in rings.ring.items():
        at = f"{where}.ring.{name}"
        problems.name(at, name, _RING, "the name of a ring")
        problems.port(f"{at}.port", ring.port)
        if ring.unit not in units:
            problems.add(f"{at}.unit", f"no unit is declared as {quoted(ring.unit)}")
    _asked(problems, where, component, _RING_QUESTIONS)


def _asked(problems: Problems, where: str, component: Component, keys: Iterable[str]) -> None:
    """Note which of the questions `keys` no package of `component` asks."""
    asked = {key for p in component.package.values() for key in p.question}
    for key in keys:
        if key not in asked:
            problems.add(where, f"the question {prefix_of(component)}/{key} is not declared")


def _host_aggregates(
    problems: Problems, where: str, component: Component, package: Package
) -> None:
    declared = package.host_aggregates
    if declared is None:
        return
    units = [key for p in component.package.values() for key in p.unit]
    if declared.unit not in units:
        near = _near(declared.unit, units)
        problems.add(f"{where}.unit", f"no unit is declared as {quoted(declared.unit)}{near}")
    _service_user(problems, f"{where}.user", component, declared.user)
    _asked(problems, where, component, _AGGREGATE_QUESTIONS)


def _service_user(problems: Problems, where: str, component: Component, user: str) -> None:
    users = [key for p in component.package.values() for key in p.service_user]
    if user not in users:
        near = _near(user, users)
        problems.add(where, f"no service user is declared as {quoted(user)}{near}")


def _volume_types(problems: Problems, where: str, component: Component, package: Package) -> None:
    declared = package.volume_types
    if declared is None:
        return
    if declared.config not in package.config:
        near = _near(declared.config, package.config)
        problems.add(
            f"{where}.config",
            f"this package declares no configuration {quoted(declared.config)}{near}",
        )
    _service_user(problems, f"{where}.user", component, declared.user)
    _asked(problems, where, component, _VOLUME_TYPE_QUESTIONS)


def _cells(problems: Problems, where: str, component: Component, package: Package) -> None:
    declared = package.cells
    if declared is None:
        return
    problems.path(f"{where}.file", declared.file)
    packages = component.package.values()
    schemas = [key for p in packages for key in p.schema]
    remote = [key for p in packages for key, found in p.database.items() if found.remote]
    messaging = [key for p in packages for key in p.messaging]
    for key, name, known, what in (
        ("database", declared.database, schemas, "schema"),
        ("cell-database", declared.cell_database, remote, "remote database"),
        ("messaging", declared.messaging, messaging, "virtual host"),
    ):
        if name not in known:
            problems.add(
                f"{where}.{key}", f"no {what} is declared as {quoted(name)}{_near(name, known)}"
            )


def problems_of(
    component: Component,
    *,
    shared: Mapping[str, Question],
    binaries: frozenset[str] | None,
) -> list[str]:
    """Return everything that is wrong with `component`, each problem with its exact key path.

    `shared` are the questions of the whole machine by full name; `binaries` the packages of
    debian/control, or None where they are not known.
    """
    problems = Problems()
    known = known_names(component, shared)
    prefix = prefix_of(component)
    questions = dict(shared)
    for package in component.package.values():
        questions.update({f"{prefix}/{key}": q for key, q in package.question.items()})
    _top(problems, component, binaries)
    _duplicates(problems, component)
    domains = [DEFAULT_DOMAIN, *(key for p in component.package.values() for key in p.domain)]
    for binary, package in component.package.items():
        where = f"package.{binary}"
        validate_question.questions(problems, where, component, binary)
        validate_setting.exports(problems, where, package.question, known)
        _in_keystone(problems, where, package, domains)
        _accounts(problems, where, package)
        _schemas(problems, where, package)
        _identity(problems, where, component, package)
        _records(problems, where, package, known)
        _rings(problems, f"{where}.rings", component, package)
        _host_aggregates(problems, f"{where}.host-aggregates", component, package)
        _volume_types(problems, f"{where}.volume-types", component, package)
        _cells(problems, f"{where}.cells", component, package)
        for key, config in package.config.items():
            _config(problems, f"{where}.config.{key}", config, known, questions)
        validate_setting.rows(problems, where, component, package, known)
        validate_setting.loads(problems, where, component, package)
        validate_setting.ceph(problems, f"{where}.ceph", component, package, known, questions)
        validate_setting.certificate(
            problems, f"{where}.certificate", component, package, questions
        )
        validate_setting.tasks(problems, where, component, package, known, questions)
        validate_unit.units(problems, where, component, package)
        for key, unit in package.unit.items():
            if unit.when is not None:
                at = f"{where}.unit.{key}.when"
                validate_setting.condition(problems, at, unit.when, known, questions)
    validate_unit.ports(problems, component)
    validate_unit.users(problems, component)
    return problems.found
