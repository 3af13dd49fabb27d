# SPDX-License-Identifier: Apache-2.0
"""The preseed files of the roles: every question of their packages, commented out, explained."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from pathlib import Path

from debstack.spec.checks import accepted
from debstack.spec.series_questions import SeriesQuestion
from debstack.spec.vocabulary import Check, Question, QuestionType
from pipeline.tree import ROOT
from refpages.installer import installer_lines
from refpages.roles import Role, roles

FOLDER = ROOT / "preseed"
_WIDTH = 98
_MADE = "Made from the packages' declarations by `ci/invoke preseeds`: edit a copy, not this one."
#: What stands in the file where a question has no default to stand there.
_EXAMPLES = {
    Check.ANY: "",
    Check.ADDRESS: "192.0.2.10",
    Check.HOST: "host.example.org",
    Check.PORT: "3306",
    Check.URL: "https://keystone.example.org:5000/v3",
    Check.REGION: "RegionOne",
    Check.PATH: "/etc/ssl/certs/example.pem",
    Check.NAME: "name",
    Check.HOST_PORTS: "host.example.org",
    Check.WEB_HOSTS: "host.example.org",
    Check.NAMES: "name",
    Check.DEVICES: "192.0.2.11/sdb",
    Check.NUMBER: "1",
}


def comment(text: str) -> Iterator[str]:
    """Give `text` as lines of comment; empty lines separate its paragraphs."""
    for number, paragraph in enumerate(text.strip().split("\n\n")):
        if number:
            yield "#"
        for line in textwrap.wrap(
            paragraph, _WIDTH, break_on_hyphens=False, break_long_words=False
        ):
            yield f"# {line}"


def _value(name: str, question: Question, role: Role) -> str:
    if name in role.text.example:
        return role.text.example[name]
    if question.type is QuestionType.PASSWORD:
        return ""
    return question.default or _EXAMPLES[question.check]


def _properties(question: Question) -> str:
    if question.type is QuestionType.PASSWORD:
        return f"Priority {question.priority}."
    default = question.default or "none, see above"
    return f"Accepts {accepted(question)}. Default: {default}. Priority {question.priority}."


def entry(name: str, asked: SeriesQuestion, role: Role) -> Iterator[str]:
    """Give the lines about one question: what it means, what it takes, and a line to uncomment."""
    question = asked.question
    yield from comment(f"{question.summary} {question.text.strip()}")
    yield "#"
    yield from comment(_properties(question))
    line = f"#{asked.binary} {name} {question.type} {_value(name, question, role)}"
    yield line.rstrip()
    yield ""


def _head(role: Role, title: str, use: Iterable[str]) -> Iterator[str]:
    yield f"# {title}"
    yield "#"
    yield from comment(role.text.text)
    yield "#"
    yield from use
    yield "#"
    yield from comment(
        "Every line is optional: delete the # in front of those that you want to answer. An empty"
        " answer means the default, an empty password that one is made. Check the file with:"
        " debstack preseed check FILE. Whoever can read it can read the passwords in it."
    )
    yield from comment(_MADE)
    yield ""


def _questions(role: Role) -> Iterator[str]:
    for title, questions in role.questions.items():
        yield f"# ==== {title}"
        yield ""
        for name, asked in questions.items():
            yield from entry(name, asked, role)


def role_text(role: Role) -> str:
    """Return the preseed file for a Debian that runs already."""
    use = [
        f"#     debconf-set-selections {role.name}.preseed",
        f"#     DEBIAN_FRONTEND=noninteractive apt-get install -y {role.metapackage}",
    ]
    lines = [*_head(role, f"Answers for {role.metapackage}", use), *_questions(role)]
    return "\n".join(lines).rstrip() + "\n"


def installer_text(role: Role) -> str:
    """Return the preseed file for the Debian Installer on bare metal."""
    use = list(
        comment(
            "For the Debian Installer, started with: auto url=http://SERVER/THIS-FILE. It makes"
            " such a machine of bare metal without a question; the services are set up at its"
            " first boot, by debstack-apply.service. Change what is marked with EDIT first."
        )
    )
    title = f"Unattended installation of Debian with {role.metapackage}"
    lines = [*_head(role, title, use), *installer_lines(role), *_questions(role)]
    return "\n".join(lines).rstrip() + "\n"


def pages() -> dict[Path, str]:
    """Return file to text of all preseed files that are to be."""
    found = {}
    for role in roles():
        found[FOLDER / f"{role.name}.preseed"] = role_text(role)
        found[FOLDER / f"installer-{role.name}.preseed"] = installer_text(role)
    return found
