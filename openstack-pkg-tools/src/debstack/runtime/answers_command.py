# SPDX-License-Identifier: Apache-2.0
"""debstack answers: show and change the answers of this machine."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

from debstack.base.errors import AnswerError
from debstack.base.main import OK
from debstack.runtime import answers, manifests
from debstack.runtime.files import WantedFile, read_text, write
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import require_root
from debstack.runtime.preseed import Entry, Preseed
from debstack.spec.load import suggestion

_ROOT = Path("/")
_SITE = Path(answers.SITE_FILE)
_SECRETS = Path(answers.SECRETS_FILE)


def _known() -> dict[str, manifests.KnownQuestion]:
    return manifests.known_questions(manifests.read_manifests(_ROOT))


def given_answers() -> dict[str, str]:
    """Return the answers that stand in site.preseed."""
    return Preseed.parse(read_text(_SITE) or "").values()


def question(
    known: Mapping[str, manifests.KnownQuestion], name: str, *, secret: bool
) -> manifests.KnownQuestion:
    """Return the question `name`, which must be a password or none. Raises AnswerError."""
    wanted = {key: item for key, item in known.items() if item.secret is secret}
    if name in wanted:
        return wanted[name]
    if name in known:
        verb = "answers" if secret else "secrets"
        kind = "not a password" if secret else "a password"
        raise AnswerError(name, f"it is {kind}", hint=f"use: debstack {verb}")
    raise AnswerError(name, f"no installed package asks this{suggestion(name, list(wanted))}")


def rows(
    known: Mapping[str, manifests.KnownQuestion], given: Mapping[str, str]
) -> list[dict[str, str]]:
    """Return a row for each question that is not a password: name, value, and where it is from."""
    effective = answers.effective(known, given)
    return [
        {
            "name": name,
            "value": value,
            "from": "site.preseed" if given.get(name) else "default",
            "package": known[name].binary,
            "summary": known[name].question.summary,
        }
        for name, value in sorted(effective.items())
    ]


def show(*, as_json: bool) -> int:
    """Print every question that is not a password, with the answer in effect."""
    found = rows(_known(), given_answers())
    if as_json:
        print(json.dumps(found, indent=1, ensure_ascii=False))
        return OK
    width = max((len(row["name"]) for row in found), default=0)
    for row in found:
        mark = "" if row["from"] == "site.preseed" else "  (default)"
        print(f"{row['name']:<{width}}  {row['value'] or '-'}{mark}")
    return OK


def get(name: str) -> int:
    """Print the answer in effect to the question `name`. Raises AnswerError."""
    known = _known()
    question(known, name, secret=False)
    print(answers.effective(known, given_answers())[name])
    return OK


def change(name: str, value: str) -> int:
    """Write the answer `value` to the question `name` into site.preseed. Raises AnswerError."""
    require_root()
    item = question(_known(), name, secret=False)
    answers.check(item, value)
    with single_apply():
        store(_SITE, answers.SITE_HEADER, {name: item}, {name: value}, mode=0o644)
    print("debstack: to put it into effect, run: debstack apply", file=sys.stderr)
    return OK


def store(
    path: Path,
    header: str,
    known: Mapping[str, manifests.KnownQuestion],
    values: Mapping[str, str],
    *,
    mode: int,
) -> None:
    """Write `values` into the preseed file `path`, which begins with `header` if it is new."""
    old = Preseed.parse(read_text(path) or header)
    changed = {
        name: Entry(
            owner=known[name].binary,
            name=name,
            type=known[name].question.type.value,
            value=value,
        )
        for name, value in values.items()
    }
    write(WantedFile(path=path, content=old.updated(changed).render(), mode=mode))


def export(*, everything: bool, secrets: bool) -> int:
    """Print a preseed file for another machine."""
    if secrets:
        require_root()
    known = _known()
    given = {name: value for name, value in given_answers().items() if name in known}
    if everything:
        given = answers.effective(known, given)
    if secrets:
        stored = Preseed.parse(read_text(_SECRETS) or "").values()
        given |= {name: value for name, value in stored.items() if name in known}
    print("\n".join(export_lines(known, given)))
    return OK


def export_lines(
    known: Mapping[str, manifests.KnownQuestion], given: Mapping[str, str]
) -> list[str]:
    """Return the lines of a preseed file that holds `given`. Raises AnswerError.

    debconf-set-selections keeps a backslash at the end of its last line only.
    """
    lines = {
        name: f"{known[name].binary} {name} {known[name].question.type.value} {value}"
        for name, value in sorted(given.items())
    }
    awkward = [name for name, line in lines.items() if line.endswith("\\")]
    if len(awkward) > 1:
        raise AnswerError(
            ", ".join(awkward),
            "these values end in a backslash, and a preseed file can hold only one that does",
        )
    return sorted(lines.values(), key=lambda line: line.endswith("\\"))
