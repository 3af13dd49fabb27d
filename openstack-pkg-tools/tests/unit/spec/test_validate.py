# SPDX-License-Identifier: Apache-2.0
"""Each rule of a valid declaration, broken once: the exact problem with its exact key path."""

from __future__ import annotations

from typing import Any

import pytest
from unit.spec.declaring import problems

from debstack.spec.vocabulary import Question

COMMON = "package/tiny-common"
API = "package/tiny-api"
OPTION = f"{COMMON}/config/tiny/set/DEFAULT/option"
UNIT = f"{API}/unit/tiny-api"
SETTINGS = f"{COMMON}/config/tiny/set"
PYTHON = {f"{COMMON}/config/tiny/dialect": "python", f"{COMMON}/config/tiny/namespaces": None}
QUESTION = {"summary": "Port of it:", "text": "Where it listens."}

ROW = {"database": "tiny", "table": "things", "key": {"name": "a"}}
LOAD = {"database": "tiny", "summary": "load", "command": ["tiny-load"], "files": "/etc/t/*.json"}
RECORD = {"service": "compute", "user": "tiny", "password": "${secret.tiny/key}"}
TASK = {"summary": "do it", "probe": ["cat"], "expect": "x", "command": ["do"]}

RINGS = {
    "directory": "/var/lib/tiny/rings",
    "devices": "/srv/node",
    "port": 6873,
    "ring": {"object": {"port": 6200, "unit": "tiny-api"}},
}
PASTE = {
    f"{COMMON}/config/tiny/dialect": "paste",
    f"{COMMON}/config/tiny/namespaces": None,
    f"{COMMON}/config/tiny/samples": ["etc/tiny.conf-sample"],
}

CELLS = {
    "database": "tiny_api",
    "cell-database": "tiny",
    "messaging": "tiny",
    "file": "/etc/tiny/tiny.conf.d/60-debstack-cells.conf",
}
AGGREGATES = {"unit": "tiny-api", "user": "tiny"}
TYPES = {"config": "tiny", "user": "tiny"}
POOL = {"name": "things", "question": "tiny/colour", "answers": ["red"]}
CEPH = {"packages": ["python3-rbd"], "pool": [POOL]}
WHEN = {"question": "tiny/colour", "equals": "red", "set": {}}

BROKEN: list[tuple[dict[str, Any], str]] = [
    (
        {f"{COMMON}/certificate": {"directory": "etc/tiny"}},
        "certificate.directory: expected an absolute path",
    ),
    (
        {f"{COMMON}/certificate": {"directory": "/etc/tiny", "connections": ["tiny/host"]}},
        "certificate.connections[0]: no question is declared as tiny/host",
    ),
    (
        {
            f"{COMMON}/certificate": {"directory": "/etc/tiny"},
            "package/tiny-api/certificate": {"directory": "/etc/tiny"},
        },
        "certificate: declared by more than one package",
    ),
    (
        {f"{COMMON}/certificate": {"directory": "/etc/tiny"}, "user": None},
        "certificate: needs a system user",
    ),
    (
        {f"{COMMON}/task": {"do-it": {**TASK, "expect": "${certificate.key}"}}},
        "task.do-it.expect: ${certificate.key}: no package of this source declares a certificate",
    ),
    (
        {
            f"{COMMON}/certificate": {"directory": "/etc/tiny"},
            f"{COMMON}/task": {"do-it": {**TASK, "expect": "${certificate.crt}"}},
        },
        "task.do-it.expect: ${certificate.crt}: expected one of key, file, authority",
    ),
    ({f"{COMMON}/ceph": {**CEPH, "packages": ["Ceph"]}}, "ceph.packages[0]: expected the name"),
    (
        {f"{COMMON}/ceph": {**CEPH, "pool": [{**POOL, "question": "tiny/color"}]}},
        "ceph.pool[0].question: no question is declared as tiny/color",
    ),
    (
        {f"{COMMON}/ceph": {**CEPH, "pool": [{**POOL, "answers": ["blue"]}]}},
        "ceph.pool[0].answers[0]: tiny/colour takes one of red, green",
    ),
    (
        {f"{COMMON}/ceph": {**CEPH, "pool": [{**POOL, "answers": []}]}},
        "ceph.pool[0].answers: expected at least one answer",
    ),
    (
        {f"{COMMON}/ceph": {**CEPH, "pool": [{**POOL, "name": "${answer.tiny/pool}"}]}},
        "ceph.pool[0].name: ${answer.tiny/pool}",
    ),
    (
        {f"{COMMON}/config/tiny/when": [{**WHEN, "needs": ["tiny/host"]}]},
        "config.tiny.when[0].needs[0]: no question is declared as tiny/host",
    ),
    (
        {f"{COMMON}/config/tiny/when": [{**WHEN, "packages": ["nfs common"]}]},
        "config.tiny.when[0].packages[0]: expected the name of a package",
    ),
    ({f"{COMMON}/rings": RINGS}, "rings: the question tiny/devices is not declared"),
    ({f"{COMMON}/rings": {**RINGS, "ring": {}}}, "rings.ring: expected at least one ring"),
    ({f"{COMMON}/rings": {**RINGS, "port": 0}}, "rings.port: expected a port"),
    ({f"{COMMON}/rings": {**RINGS, "devices": "srv"}}, "rings.devices: expected an absolute path"),
    (
        {f"{COMMON}/rings": {**RINGS, "ring": {"object": {"port": 6200, "unit": "tiny"}}}},
        "rings.ring.object.unit: no unit is declared as",
    ),
    (
        {f"{COMMON}/host-aggregates": AGGREGATES},
        "host-aggregates: the question tiny/availability-zone is not declared",
    ),
    (
        {f"{COMMON}/host-aggregates": AGGREGATES},
        'host-aggregates.user: no service user is declared as "tiny"',
    ),
    (
        {f"{COMMON}/host-aggregates": {**AGGREGATES, "unit": "tiny-apy"}},
        'host-aggregates.unit: no unit is declared as "tiny-apy" (did you mean "tiny-api"?)',
    ),
    (
        {f"{COMMON}/volume-types": TYPES},
        "volume-types: the question tiny/default-volume-type is not declared",
    ),
    (
        {f"{COMMON}/volume-types": TYPES},
        'volume-types.user: no service user is declared as "tiny"',
    ),
    (
        {f"{COMMON}/volume-types": {**TYPES, "config": "tinny"}},
        'volume-types.config: this package declares no configuration "tinny" (did you',
    ),
    (
        {f"{COMMON}/cells": CELLS},
        'cells.database: no schema is declared as "tiny_api"',
    ),
    (
        {f"{COMMON}/cells": {**CELLS, "database": "tiny"}},
        'cells.cell-database: no remote database is declared as "tiny"',
    ),
    (
        {f"{COMMON}/cells": CELLS},
        'cells.messaging: no virtual host is declared as "tiny"',
    ),
    (
        {f"{COMMON}/cells": {**CELLS, "file": "cells.conf"}},
        "cells.file: expected an absolute path",
    ),
    (
        {**PASTE, f"{COMMON}/config/tiny/samples": None},
        "config.tiny.samples: expected at least one sample file",
    ),
    (
        {**PASTE, f"{COMMON}/config/tiny/samples": ["../x"]},
        "config.tiny.samples[0]: expected a path in the source",
    ),
    (
        {f"{COMMON}/config/tiny/samples": ["x"]},
        "config.tiny.samples: only a file for Paste Deploy has samples",
    ),
    (
        {f"{COMMON}/config/tiny/file": "tiny.conf"},
        "config.tiny.file: expected an absolute path",
    ),
    (
        {**PYTHON, f"{COMMON}/config/tiny/file": "/etc/tiny/tiny.py"},
        "config.tiny.file: only drop-ins in INI form",
    ),
    ({f"{COMMON}/row": [{**ROW, "database": "tinny"}]}, "row[0].database: no schema is declared"),
    ({f"{COMMON}/row": [{**ROW, "table": "a b"}]}, "row[0].table: expected the name of a table"),
    ({f"{COMMON}/row": [{**ROW, "key": {}}]}, "row[0].key: expected at least one column"),
    ({f"{COMMON}/row": [{**ROW, "set": {"name": "b"}}]}, "row[0].set.name: is part of the key"),
    ({f"{COMMON}/row": [{**ROW, "set": {"n": "${x}"}}]}, "row[0].set.n: ${x}: unknown reference"),
    ({f"{COMMON}/load/A": LOAD}, "load.A: expected a name in kebab-case"),
    ({f"{COMMON}/load/a": {**LOAD, "database": "tinny"}}, "load.a.database: no schema is declared"),
    ({f"{COMMON}/load/a": {**LOAD, "summary": "a\nb"}}, "load.a.summary: expected one line"),
    ({f"{COMMON}/load/a": {**LOAD, "command": []}}, "load.a.command: expected a command"),
    ({f"{COMMON}/load/a": {**LOAD, "files": "etc/*.json"}}, "load.a.files: expected /…/*.json"),
    ({f"{COMMON}/load/a": {**LOAD, "files": "/etc/*/a.json"}}, "load.a.files: expected /…/*.json"),
    ({f"{COMMON}/load/a": {**LOAD, "files": "/etc/a.yaml"}}, "load.a.files: expected /…/*.json"),
    ({f"{COMMON}/task/a": {**TASK, "probe": []}}, "task.a.probe: expected a command"),
    ({f"{COMMON}/task/a": {**TASK, "summary": ""}}, "task.a.summary: expected one line"),
    ({f"{COMMON}/task/a": {**TASK, "expect": "${x}"}}, "task.a.expect: ${x}: unknown reference"),
    ({f"{COMMON}/task/a": {**TASK, "services": ["ovs"]}}, "task.a.services[0]: expected a unit of"),
    ({f"{COMMON}/task/a": {**TASK, "after": ["x/b"]}}, "task.a.after[0]: no task is declared as"),
    ({f"{API}/record/A b": RECORD}, "record.A b: expected the name of a program"),
    (
        {f"{API}/record/a": {**RECORD, "service": "compote"}},
        "service: expected one of compute, got",
    ),
    ({f"{API}/record/a": {**RECORD, "user": ""}}, "record.a.user: expected a user's name"),
    ({f"{API}/record/a": {**RECORD, "password": "${secret.}"}}, "password: ${secret.}: expected"),
    (
        {f"{COMMON}/task/a": {**TASK, "when": {"question": "tiny/x"}}},
        "task.a.when.question: no question is declared as tiny/x",
    ),
    (
        {f"{UNIT}/when": {"question": "tiny/colour", "equals": "blue"}},
        "unit.tiny-api.when.equals: tiny/colour takes",
    ),
    (
        {f"{UNIT}/when": {"question": "tiny/colour", "equals": "red", "present": "ring"}},
        "unit.tiny-api.when.present: ",
    ),
    (
        {f"{UNIT}/when": {"question": "tiny/colour", "equals": "blue", "present": "rings"}},
        "unit.tiny-api.when.equals: tiny/colour takes",
    ),
    ({f"{UNIT}/after": ["tiny-api"]}, "after[0]: a unit cannot come after itself"),
    (
        {f"{COMMON}/question/port": {"summary": "P:", "text": "P", "generate": True}},
        "question.port.generate: only a password is generated",
    ),
    (
        {f"{COMMON}/question/port": {"summary": "P:", "text": "P", "made-by": "Ceph"}},
        "question.port.made-by: only a password is made by somebody",
    ),
    (
        {f"{COMMON}/question/port": {"summary": "P:", "text": "P", "lasting": True}},
        "question.port.lasting: only a password has to last",
    ),
    (
        {"source": "Tiny!"},
        "source: expected the name of a source package ([a-z0-9][a-z0-9+.-]+), got",
    ),
    ({"user": "Tiny"}, "user: expected the name of a system user"),
    ({"user": None}, "user: missing, and package.tiny-common.schema needs a system user"),
    ({"title": " "}, "title: expected a name that a person knows"),
    ({"package": {}}, "package: expected at least one binary package"),
    (
        {OPTION: "${databse.tiny}"},
        "package.tiny-common.config.tiny.set.DEFAULT.option: ${databse.tiny}: unknown reference "
        '(did you mean "database."?)',
    ),
    (
        {OPTION: "${database.tinny}"},
        "package.tiny-common.config.tiny.set.DEFAULT.option: ${database.tinny}: "
        'no database is declared with the name tinny (did you mean "tiny"?)',
    ),
    (
        {f"{COMMON}/messaging/tiny": {}, OPTION: ["a", "${messaging.tinny}"]},
        '${messaging.tinny}: unknown virtual host (did you mean "tiny"?)',
    ),
    ({OPTION: "${messaging.A b}"}, "expected ${messaging.NAME}"),
    ({OPTION: "${service-user.tiny.password}"}, "no service user is declared with the name tiny"),
    ({OPTION: "${service-user.tiny.name}"}, "expected ${service-user.NAME.password}"),
    ({OPTION: "${answer.tiny/color}"}, "no question is declared with the name tiny/color (did you"),
    ({OPTION: "${endpoint.tiny.pubic}"}, "expected one of public, internal, admin, got pubic"),
    ({OPTION: "${endpoint.tiny}"}, "expected ${endpoint.TYPE.INTERFACE}"),
    ({OPTION: "${endpoint.tinny.public}"}, 'unknown service type (did you mean "tiny"?)'),
    ({OPTION: "${secret.}"}, "expected ${secret.NAME}"),
    ({OPTION: "${database.tiny"}, '${ without its } in "${database.tiny"'),
    ({f"{COMMON}/schema/other": {"sync": ["x"], "migrations": "x"}}, "schema.other: this package"),
    ({f"{COMMON}/schema/tiny/sync": []}, "schema.tiny.sync: expected a command"),
    ({f"{COMMON}/schema/tiny/migrations": "/x"}, "expected a path below dist-packages"),
    (
        {f"{COMMON}/schema/tiny/engines": ["mariab"]},
        'schema.tiny.engines[0]: expected one of mariadb, postgresql, sqlite (did you mean "maria',
    ),
    ({f"{COMMON}/database/Tiny": {}}, "database.Tiny: expected the name of a database"),
    ({f"{COMMON}/domain/Tiny": {}}, "domain.Tiny: expected the name of a domain"),
    ({f"{COMMON}/domain/default": {}}, "domain.default: Keystone's own domain"),
    ({f"{COMMON}/role/a b": {}}, "role.a b: expected the name of a role"),
    ({f"{COMMON}/role/member": {}}, "role.member: a role that Keystone makes"),
    ({f"{COMMON}/service-user/tiny": {"roles": []}}, "service-user.tiny.roles: expected at least"),
    (
        {f"{COMMON}/domain/tiny": {}, f"{COMMON}/service-user/tiny": {"domain": "tinny"}},
        'service-user.tiny.domain: no domain is declared as "tinny" (did you mean "tiny"?)',
    ),
    ({f"{API}/database/tiny": {}}, "already declared as package.tiny-common.database.tiny"),
    ({f"{COMMON}/config/tiny/directory": "etc"}, "config.tiny.directory: expected an absolute"),
    ({f"{COMMON}/config/tiny/directory": "/etc/../x"}, "expected an absolute path"),
    ({f"{COMMON}/config/tiny/namespaces": []}, "expected at least one oslo.config namespace"),
    (
        {f"{COMMON}/config/tiny/sections-like": {"a": "b"}},
        "sections-like.a: no such section is set",
    ),
    (
        {
            f"{COMMON}/config/tiny/when": [
                {"question": "tiny/color", "equals": "red", "set": {}},
            ]
        },
        "config.tiny.when[0].question: no question is declared as tiny/color",
    ),
    (
        {f"{COMMON}/config/tiny/when": [{"question": "tiny/colour", "equals": "blue", "set": {}}]},
        'when[0].equals: tiny/colour takes one of red, green, got "blue"',
    ),
    (
        {f"{COMMON}/config/tiny/dialect": "python"},
        "config.tiny.namespaces: only a file that oslo.config reads has namespaces",
    ),
    ({**PYTHON, OPTION: 1}, "set.DEFAULT.option: expected the name of a setting, in capitals"),
    ({**PYTHON, f"{SETTINGS}/CACHES..x": {"a": 1}}, "set.CACHES..x: expected DEFAULT, or SETTING."),
    ({**PYTHON, f"{SETTINGS}/caches": {"a": 1}}, "set.caches: expected DEFAULT, or SETTING.key"),
    ({**PYTHON, f"{SETTINGS}/A": {"b c": 1}}, "set.A.b c: expected a key of a dict"),
    ({f"{UNIT}/databases": ["tinny"]}, "unit.tiny-api.databases[0]: no database is declared"),
    ({f"{UNIT}/application": None}, "unit.tiny-api.application: expected an application"),
    ({f"{UNIT}/port": 0}, "unit.tiny-api.port: expected a port from 1 to 65535, got 0"),
    ({f"{UNIT}/command": ["x"]}, "unit.tiny-api.command: uWSGI runs a wsgi unit"),
    ({f"{UNIT}/health-path": "x"}, "unit.tiny-api.health-path: expected /"),
    ({f"{UNIT}/max-processes": 0}, "unit.tiny-api.max-processes: expected 1 or more"),
    ({f"{UNIT}/service": {"user": "x"}}, "service.user: expected a directive of [Service]"),
    ({f"{UNIT}/environment": {"a b": "x"}}, "environment.a b: expected the name of a variable"),
    ({f"{UNIT}/writable-paths": ["tmp"]}, "writable-paths[0]: expected an absolute path"),
    ({f"{UNIT}/state-directories": ["/x"]}, "state-directories[0]: expected a directory below"),
    (
        {f"{API}/unit/second": {"kind": "daemon", "description": "Second"}},
        "unit.second.command: expected a command",
    ),
    (
        {
            f"{API}/unit/second": {
                "kind": "wsgi",
                "description": "Second",
                "application": "a:b",
                "port": 4712,
            }
        },
        "unit.second.port: 4712 is already the port of package.tiny-api.unit.tiny-api.port",
    ),
    (
        {f"{API}/unit/second": {"kind": "daemon", "description": "S", "threads": 1}},
        "only a unit of",
    ),
    ({f"{API}/service/tiny/endpoint": {"port": 70000}}, "endpoint.port: expected a port from 1"),
    ({f"{API}/service/tiny/endpoint": {"port": 1, "path": "v3"}}, "endpoint.path: expected /"),
    ({f"{API}/data": ["/etc"]}, "data[0]: expected a directory in /var/lib or /srv"),
    ({f"{API}/code-packages": ["A"]}, "code-packages[0]: expected a package's name"),
    ({f"{API}/service-user/tiny": {"roles": []}}, "service-user.tiny.roles: expected at least one"),
    (
        {
            f"{API}/bootstrap": {
                "command": ["x"],
                "password-variable": "p",
                "database": "x",
                "unit": "tinyapi",
            }
        },
        'bootstrap.unit: no unit is declared as "tinyapi" (did you mean "tiny-api"?)',
    ),
    ({f"{API}/key-repository/k": {"path": "k"}}, "key-repository.k.path: expected an absolute"),
    ({f"{COMMON}/question/Port": QUESTION}, "question.Port: expected a name in kebab-case"),
    ({f"{COMMON}/question/port": {**QUESTION, "summary": "Port?"}}, 'that ends with ":", got'),
    ({f"{COMMON}/question/port": {**QUESTION, "text": " "}}, "question.port.text: expected what"),
    (
        {f"{COMMON}/question/port": {**QUESTION, "check": "port", "default": "x"}},
        'question.port.default: expected a port number from 1 to 65535, got "x"',
    ),
    ({f"{COMMON}/question/port": {**QUESTION, "choices": ["a"]}}, "only a select has choices"),
    (
        {f"{COMMON}/question/colour/default": "blue"},
        'question.colour.default: expected one of red, green, got "blue"',
    ),
    ({f"{COMMON}/question/colour/choices": ["red", "a, b"]}, 'not a usable choice: "a, b"'),
    ({f"{COMMON}/question/colour/check": "port"}, "only a string is checked, not a select"),
    ({f"{COMMON}/question/colour/detect": "hostname"}, "only a string without a default"),
    (
        {f"{COMMON}/question/database-password": {**QUESTION, "type": "password"}},
        "question.database-password: the declarations of this package imply a question",
    ),
    ({f"{COMMON}/question/purge-data": QUESTION}, "imply a question of that name"),
]


def test_nothing_is_wrong_with_the_small_declaration() -> None:
    assert problems({}) == []


@pytest.mark.parametrize(("changes", "expected"), BROKEN)
def test_what_is_broken_is_named(changes: dict[str, Any], expected: str) -> None:
    assert [problem for problem in problems(changes) if expected in problem]


def test_settings_of_python_have_names_and_keys() -> None:
    settings = {"DEFAULT": {"A_B": ["${own-hosts}"]}, "A.b-c.d": {"*": "${time-zone}"}}
    assert problems({**PYTHON, SETTINGS: settings}) == []


def test_every_problem_is_reported_at_once() -> None:
    found = problems({"title": "", f"{UNIT}/port": 0, OPTION: "${database.x}", "user": "Tiny"})
    assert len(found) == 4


def test_a_binary_package_that_control_does_not_have() -> None:
    found = problems({}, binaries=frozenset({"tiny-comon", "tiny-api"}))
    assert found == ['package.tiny-common: not in debian/control (did you mean "tiny-comon"?)']


def test_a_shared_question_can_be_referred_to() -> None:
    shared = {"openstack/region": Question(summary="Region:", text="Which.")}
    assert problems({OPTION: "${answer.openstack/region}"}, shared=shared) == []
    assert problems({OPTION: "${answer.openstack/region}"})


def test_an_endpoint_of_another_component_can_be_referred_to() -> None:
    assert problems({OPTION: "${endpoint.identity.internal.base}"}) == []
