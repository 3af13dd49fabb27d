# SPDX-License-Identifier: Apache-2.0
"""Problems of values with references, of conditions, and of what a package sets besides files."""

from __future__ import annotations

import re
from collections.abc import Mapping

from debstack.spec import validate_question
from debstack.spec.checks import accepted, accepts
from debstack.spec.load import quoted, suggestion
from debstack.spec.problems import Problems
from debstack.spec.references import Known, malformed, problem, references
from debstack.spec.vocabulary import (
    ANY_ROLE,
    ROLES,
    Component,
    Condition,
    Conditional,
    Package,
    Question,
    QuestionType,
    Task,
    Value,
)

_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+")
_COLUMN = re.compile(r"[a-z][a-z0-9_]*")
_TASK = re.compile(r"[a-z][a-z0-9-]*")
_SERVICE = re.compile(r"[A-Za-z0-9@_.-]+\.(service|socket|target)")


def value(problems: Problems, where: str, found: Value, known: Known) -> None:
    """Note what is wrong with the ${…} of a value."""
    if malformed(found):
        problems.add(where, f"${{ without its }} in {quoted(found)}")
    for reference in references(found):
        wrong = problem(reference, known)
        if wrong:
            problems.add(where, f"${{{reference}}}: {wrong}")


def condition(
    problems: Problems,
    where: str,
    found: Condition,
    known: Known,
    questions: Mapping[str, Question],
) -> None:
    """Note what is wrong with a condition; `questions` holds full names."""
    if found.question or not found.present:
        validate_question.condition(problems, where, found, questions)
    wrong = problem(found.present, known) if found.present else ""
    if wrong:
        problems.add(f"{where}.present", wrong)


def exports(
    problems: Problems, where: str, questions: Mapping[str, Question], known: Known
) -> None:
    """Note what is wrong with what `questions` (by key) answer for other machines."""
    for key, question in questions.items():
        for role, text in question.export.items():
            at = f"{where}.question.{key}.export.{role}"
            if role not in (ANY_ROLE, *ROLES):
                near = suggestion(role, [ANY_ROLE, *ROLES])
                problems.add(at, f"expected {ANY_ROLE} or one of {', '.join(ROLES)}{near}")
            if question.type is QuestionType.PASSWORD:
                problems.add(at, "a password is handed on to whatever uses it")
            value(problems, at, text, known)


def _asked(
    problems: Problems, where: str, name: str, questions: Mapping[str, Question]
) -> Question | None:
    found = questions.get(name)
    if found is None:
        near = suggestion(name, list(questions))
        problems.add(where, f"no question is declared as {name}{near}")
    return found


def packages(problems: Problems, where: str, names: tuple[str, ...]) -> None:
    """Note which of `names` cannot be packages of Debian."""
    for n, name in enumerate(names):
        problems.name(f"{where}[{n}]", name, _PACKAGE, "the name of a package")


def needs(
    problems: Problems, where: str, conditional: Conditional, questions: Mapping[str, Question]
) -> None:
    """Note what is wrong with what a condition asks for besides."""
    for n, name in enumerate(conditional.needs):
        _asked(problems, f"{where}.needs[{n}]", name, questions)
    packages(problems, f"{where}.packages", conditional.packages)


def ceph(
    problems: Problems,
    where: str,
    component: Component,
    package: Package,
    known: Known,
    questions: Mapping[str, Question],
) -> None:
    """Note what is wrong with the access to Ceph of `package`."""
    if package.ceph is None:
        return
    if not component.user:
        problems.add(where, "needs a system user, which this source does not declare")
    packages(problems, f"{where}.packages", package.ceph.packages)
    for n, pool in enumerate(package.ceph.pool):
        at = f"{where}.pool[{n}]"
        value(problems, f"{at}.name", pool.name, known)
        question = _asked(problems, f"{at}.question", pool.question, questions)
        if not pool.answers:
            problems.add(f"{at}.answers", "expected at least one answer")
        for m, answer in enumerate(pool.answers):
            if question is not None and not accepts(question, answer):
                told = f"{pool.question} takes {accepted(question)}, got {quoted(answer)}"
                problems.add(f"{at}.answers[{m}]", told)


def certificate(
    problems: Problems,
    where: str,
    component: Component,
    package: Package,
    questions: Mapping[str, Question],
) -> None:
    """Note what is wrong with the certificate of `package`."""
    if package.certificate is None:
        return
    if not component.user:
        problems.add(where, "needs a system user, which this source does not declare")
    if sum(other.certificate is not None for other in component.package.values()) > 1:
        problems.add(where, "declared by more than one package of this source")
    problems.path(f"{where}.directory", package.certificate.directory)
    for n, name in enumerate(package.certificate.connections):
        _asked(problems, f"{where}.connections[{n}]", name, questions)


def rows(
    problems: Problems, where: str, component: Component, package: Package, known: Known
) -> None:
    """Note what is wrong with the rows of `package`."""
    schemas = [key for other in component.package.values() for key in other.schema]
    for n, row in enumerate(package.row):
        at = f"{where}.row[{n}]"
        if row.database not in schemas:
            near = suggestion(row.database, schemas)
            problems.add(f"{at}.database", f"no schema is declared for it{near}")
        problems.name(f"{at}.table", row.table, _COLUMN, "the name of a table")
        if not row.key:
            problems.add(f"{at}.key", "expected at least one column")
        for table, columns in (("key", row.key), ("set", row.set)):
            for column, content in columns.items():
                place = f"{at}.{table}.{column}"
                problems.name(place, column, _COLUMN, "the name of a column")
                value(problems, place, content, known)
        for column in sorted(row.key.keys() & row.set.keys()):
            problems.add(f"{at}.set.{column}", "is part of the key too")


def loads(problems: Problems, where: str, component: Component, package: Package) -> None:
    """Note what is wrong with the loads of `package`."""
    schemas = [key for other in component.package.values() for key in other.schema]
    for name, load in package.load.items():
        at = f"{where}.load.{name}"
        problems.name(at, name, _TASK, "a name in kebab-case")
        if load.database not in schemas:
            near = suggestion(load.database, schemas)
            problems.add(f"{at}.database", f"no schema is declared for it{near}")
        if not load.summary.strip() or "\n" in load.summary:
            problems.add(f"{at}.summary", "expected one line of text")
        problems.command(f"{at}.command", load.command)
        folder, _, pattern = load.files.rpartition("/")
        if not folder.startswith("/") or "*" in folder or not pattern.endswith(".json"):
            problems.add(f"{at}.files", f"expected /…/*.json, got {quoted(load.files)}")


def _task(problems: Problems, where: str, task: Task, known: Known) -> None:
    if not task.summary.strip() or "\n" in task.summary:
        problems.add(f"{where}.summary", "expected one line of text")
    for key, command in (("probe", task.probe), ("command", task.command)):
        problems.command(f"{where}.{key}", command)
    if task.undo:
        problems.command(f"{where}.undo", task.undo)
    for key, found in (
        ("summary", task.summary),
        ("probe", task.probe),
        ("expect", task.expect),
        ("command", task.command),
        ("undo", task.undo),
    ):
        value(problems, f"{where}.{key}", found, known)
    for n, service in enumerate(task.services):
        problems.name(f"{where}.services[{n}]", service, _SERVICE, "a unit of systemd")


def tasks(
    problems: Problems,
    where: str,
    component: Component,
    package: Package,
    known: Known,
    questions: Mapping[str, Question],
) -> None:
    """Note what is wrong with the tasks of `package`."""
    declared = [f"{b}/{name}" for b, other in component.package.items() for name in other.task]
    for name, task in package.task.items():
        at = f"{where}.task.{name}"
        problems.name(at, name, _TASK, "a name in kebab-case")
        _task(problems, at, task, known)
        for n, other in enumerate(task.after):
            if other not in declared:
                near = suggestion(other, declared)
                problems.add(f"{at}.after[{n}]", f"no task is declared as {quoted(other)}{near}")
        if task.when is not None:
            condition(problems, f"{at}.when", task.when, known, questions)
