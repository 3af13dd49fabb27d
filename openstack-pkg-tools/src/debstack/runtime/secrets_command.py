# SPDX-License-Identifier: Apache-2.0
"""debstack secrets: list, show, set and rotate the passwords of this machine."""

from __future__ import annotations

import getpass
import json
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from debstack.base.errors import AnswerError
from debstack.base.main import OK
from debstack.base.secret import Secret, generate_secret
from debstack.runtime import answers, manifests
from debstack.runtime.answers_command import given_answers, question, store
from debstack.runtime.files import read_text
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import ADMIN_PASSWORD, require_root
from debstack.runtime.preseed import Preseed
from debstack.spec.vocabulary import Manifest

_ROOT = Path("/")
_SECRETS = Path(answers.SECRETS_FILE)
_DATABASE_ADMIN = "openstack/database-admin-password"
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


def _elsewhere(name: str, installed: Sequence[Manifest], given: Mapping[str, str]) -> str:
    """Return what makes the password `name`, if it is used here and is none of this machine's."""
    if name == ADMIN_PASSWORD:
        local = any(manifest.package.bootstrap is not None for manifest in installed)
        return "" if local else "the machine with Keystone"
    if name in manifests.messaging_passwords(installed):
        return "the machine with RabbitMQ" if given.get("openstack/messaging-host") else ""
    if name in manifests.database_passwords(installed):
        others = given.get("openstack/database-host") and not given.get(_DATABASE_ADMIN)
        return "whoever has made the database" if others else ""
    # Asked where the package is missing that has the account.
    account = name.rpartition("/")[2] == "service-password"
    made = name in manifests.implied_passwords(installed)
    return "the controller" if account and not made else ""


def check_rotatable(
    item: manifests.KnownQuestion, installed: Sequence[Manifest], given: Mapping[str, str]
) -> None:
    """Raise AnswerError where a new password of this machine's own for `item` would be useless.

    `given` are the answers and passwords that were given here.
    """
    name = item.name
    if item.question.lasting:
        raise AnswerError(
            name,
            "it has to stay as it is: what is stored with it cannot be read with another one",
            hint=f"if nothing is stored yet: debstack secrets set {name}",
        )
    maker = item.question.made_by or _elsewhere(name, installed, given)
    if maker:
        raise AnswerError(
            name,
            f"a new one cannot be made here: it is given out by {maker}",
            hint=f"change it there; with what you get, run here: debstack secrets set {name};"
            " then: debstack apply",
        )


def rotate(names: Sequence[str]) -> int:
    """Make a new password for each of `names`. Raises AnswerError."""
    require_root()
    installed = manifests.read_manifests(_ROOT)
    known = manifests.known_questions(installed)
    asked = {name: question(known, name, secret=True) for name in names}
    given = {**_stored(), **given_answers()}
    for item in asked.values():
        check_rotatable(item, installed, given)
    made = {name: generate_secret() for name in names}
    with single_apply():
        store(_SECRETS, answers.SECRETS_HEADER, asked, made, mode=0o600)
    print(_APPLY, file=sys.stderr)
    return OK
