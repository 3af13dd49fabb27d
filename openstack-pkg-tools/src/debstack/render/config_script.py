# SPDX-License-Identifier: Apache-2.0
"""The config script: asks the questions of one package, with nothing but essential packages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from debstack.render.debconf import check_of, invalid_name
from debstack.render.environment import render, shell_function, shquote
from debstack.spec.checks import accepted
from debstack.spec.questions import all_questions, prefix_of
from debstack.spec.vocabulary import Check, Component, Question, QuestionType

#: Shell function files in the order in which they are defined, to the ones that each calls.
_CALLS: dict[str, tuple[str, ...]] = {
    "ipv4": (),
    "ipv6": ("ipv4",),
    "address": ("ipv4", "ipv6"),
    "host": ("address",),
    "port": (),
    "host_port": ("host", "port", "ipv6"),
    "host_ports": ("host_port",),
    "web_hosts": ("host", "ipv4", "ipv6"),
    "url": ("host_port", "ipv6"),
    "region": (),
    "name": (),
    "names": ("name",),
    "devices": ("name", "ipv4", "host_port"),
    "number": (),
    "path": (),
    "choice": (),
    "primary_address": (),
    "hostname": (),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Script:
    binary: str
    functions: list[str]
    dialogue: str
    #: Questions whose answer may stand in site.preseed: all but passwords.
    recorded: list[str]
    steps: list[str]


def _file_of(value: str) -> str:
    return value.replace("-", "_")


def _accepted(question: Question) -> str:
    if question.type is QuestionType.BOOLEAN:
        return "one of true, false"
    return accepted(question)


def _step(prefix: str, key: str, question: Question) -> str:
    check = check_of(question)
    words = [question.priority.value, f"{prefix}/{key}", _file_of(check)]
    if check == Check.ANY:
        words += ["", ""]
    else:
        words += [_accepted(question), invalid_name(prefix, check)]
    words.append(_file_of(question.detect) if question.detect else "")
    return "ask " + " ".join(shquote(word) for word in words)


def functions_of(names: Iterable[str]) -> list[str]:
    """Return the texts of the shell functions `names` and of those they call, in order."""
    needed: set[str] = set()
    waiting = list(names)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting.extend(_CALLS[name])
    return [shell_function(name) for name in _CALLS if name in needed]


def _functions(questions: Iterable[Question]) -> list[str]:
    names = set()
    for question in questions:
        if check_of(question) != Check.ANY:
            names.add(_file_of(check_of(question)))
        if question.detect:
            names.add(_file_of(question.detect))
    return functions_of(names)


def config_script(component: Component, binary: str) -> str:
    """Return the text of the config script of `binary`; empty if it asks nothing."""
    prefix = prefix_of(component)
    asked = all_questions(component, binary)
    if not asked:
        return ""
    return render(
        "config.sh.j2",
        _Script(
            binary=binary,
            functions=_functions(asked.values()),
            dialogue=shell_function("dialogue"),
            recorded=[
                f"{prefix}/{key}"
                for key, question in asked.items()
                if question.type is not QuestionType.PASSWORD
            ],
            steps=[_step(prefix, key, question) for key, question in asked.items()],
        ),
    )
