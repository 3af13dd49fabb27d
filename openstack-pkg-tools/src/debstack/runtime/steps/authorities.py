# SPDX-License-Identifier: Apache-2.0
"""answers:authorities: files of authorities that were answered, looked at before services use them.

A service that cannot read one answers every request with an error that names no file.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from debstack.base.errors import AnswerError
from debstack.base.run import run
from debstack.runtime.accounts import ids_of
from debstack.runtime.context import Context
from debstack.runtime.site import SYSTEM_AUTHORITIES
from debstack.runtime.step import Change, Step
from debstack.runtime.tls import reading

_QUESTIONS = ("openstack/identity-ca", "openstack/database-ca", "openstack/messaging-ca")


def readable_by(user: str, path: Path) -> bool:
    """Say whether `user` may read the file `path`, which takes its way to it too.

    Raises ConfigurationError where there is no such user, which would look like a refusal.
    """
    ids_of(user, path)
    return run(["test", "-r", path], as_user=user, check=False, timeout_s=60).code == 0


class AuthoritiesStep(Step):
    """Every file of authorities that somebody named: there, of certificates, and readable."""

    id = "answers:authorities"
    needs = frozenset({"files:site"})

    def __init__(self, context: Context) -> None:
        self._context = context
        self._users = sorted({m.user for m in context.manifests if m.user and m.package.config})

    def _look_at(self, question: str, answer: str) -> None:
        path = self._context.path(answer)
        again = "then run: debstack apply"
        try:
            text = path.read_text(encoding="utf-8", errors="replace")
        except OSError as error:
            raise AnswerError(
                question,
                f"{answer}: {error.strerror}",
                hint=f"put the certificates of the authority there as PEM; {again}",
            ) from error
        try:
            reading.chain_of(text)
        except ValueError as error:
            raise AnswerError(
                question,
                f"{answer}: expected certificates as PEM ({error})",
                hint=f"correct it, {again}",
            ) from error
        refused = [user for user in self._users if not readable_by(user, path)]
        if refused:
            raise AnswerError(
                question,
                f"{answer}: cannot be read by {', '.join(refused)}, whose services use it",
                hint=f"let everybody read it, and enter the folders that lead to it; {again}",
            )

    def changes(self) -> Sequence[Change]:
        """See Step. There is nothing to change. Raises AnswerError for a file of no use."""
        for question in _QUESTIONS:
            answer = self._context.site.answers.get(question, "")
            if answer and answer != SYSTEM_AUTHORITIES:
                self._look_at(question, answer)
        return []

    def declared(self) -> Sequence[str]:
        """See Step."""
        return []


def build(context: Context) -> list[Step]:
    """Return the step."""
    return [AuthoritiesStep(context)]
