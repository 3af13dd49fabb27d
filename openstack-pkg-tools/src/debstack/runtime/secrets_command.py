# SPDX-License-Identifier: Apache-2.0
"""debstack secrets: list, show, set and rotate the passwords of this machine."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from debstack.base.errors import AnswerError
from debstack.base.main import OK
from debstack.base.secret import Secret, generate_secret
from debstack.runtime import answers, manifests
from debstack.runtime.answers_command import question, store
from debstack.runtime.files import read_text
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import require_root
from debstack.runtime.preseed import Preseed

_ROOT = Path("/")
_SECRETS = Path(answers.SECRETS_FILE)
_APPLY = "debstack: to put it into effect, run: debstack apply"


def _known() -> dict[str, manifests.KnownQuestion]:
    return manifests.known_questions(manifests.read_manifests(_ROOT))


def _stored() -> dict[str, str]:
    return Preseed.parse(read_text(_SECRETS) or "").values()


def listing(*, as_json: bool) -> int:
    """Print the names of all passwords, and whether they are set; never a password."""
    require_root()
    stored = _stored()
    found = [
        {"name": name, "set": bool(stored.get(name)), "package": item.binary}
        for name, item in sorted(_known().items())
        if item.secret
    ]
    if as_json:
        print(json.dumps(found, indent=1))
        return OK
    for row in found:
        print(f"{row['name']}{'' if row['set'] else '  (not set)'}")
    return OK


def show(name: str) -> int:
    """Print the password `name`. Raises AnswerError if there is none."""
    require_root()
    question(_known(), name, secret=True)
    value = _stored().get(name)
    if not value:
        raise AnswerError(name, "not set", hint=f"set it with: debstack secrets set {name}")
    print(value)
    return OK


def check_secret(name: str, value: str) -> Secret:
    """Return `value` as a password. Raises AnswerError where it is empty or not printable."""
    if not value:
        raise AnswerError(name, "the password is empty")
    if not value.isprintable():
        raise AnswerError(name, "the password holds characters that cannot be printed")
    return Secret(value)


def _read(name: str) -> Secret:
    if sys.stdin.isatty():
        return check_secret(name, getpass.getpass(f"{name}: "))
    sys.stdin.reconfigure(encoding="utf-8")  # type: ignore[union-attr]
    return check_secret(name, sys.stdin.readline().removesuffix("\n"))


def change(name: str) -> int:
    """Take the password `name` from standard input, or ask for it. Raises AnswerError."""
    require_root()
    item = question(_known(), name, secret=True)
    value = _read(name)
    with single_apply():
        store(_SECRETS, answers.SECRETS_HEADER, {name: item}, {name: value}, mode=0o600)
    print(_APPLY, file=sys.stderr)
    return OK


def rotate(names: Sequence[str]) -> int:
    """Make a new password for each of `names`. Raises AnswerError."""
    require_root()
    known = _known()
    asked = {name: question(known, name, secret=True) for name in names}
    made = {name: generate_secret() for name in names}
    with single_apply():
        store(_SECRETS, answers.SECRETS_HEADER, asked, made, mode=0o600)
    print(_APPLY, file=sys.stderr)
    return OK
