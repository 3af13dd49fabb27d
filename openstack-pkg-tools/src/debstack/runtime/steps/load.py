# SPDX-License-Identifier: Apache-2.0
"""load:<source>/<name>: rows that a service's own command makes of its package's files."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

from debstack.base.errors import ConfigurationError
from debstack.runtime.context import Context
from debstack.runtime.database.driver import Driver, Session, driver_for
from debstack.runtime.database.locking import locked
from debstack.runtime.files import refusal
from debstack.runtime.site import DatabaseAccount
from debstack.runtime.step import Change, Step
from debstack.runtime.steps.schema import run_on
from debstack.spec.vocabulary import Load, Manifest

#: What was loaded into a database stands in it: it may be another one tomorrow, or serve others.
TABLE = "debstack_load"
TIMEOUT_S = 600.0


def read_files(root: Path, pattern: str) -> dict[str, bytes]:
    """Return name to content of the files that `pattern` matches. Raises ConfigurationError."""
    found = {}
    for path in sorted(root.glob(pattern.lstrip("/"))):
        try:
            found[f"/{path.relative_to(root)}"] = path.read_bytes()
        except OSError as error:
            raise refusal(path, error) from error
    return found


def digest(files: dict[str, bytes]) -> str:
    """Return what tells whether names or contents of `files` have changed."""
    parts = [f"{name} {hashlib.sha256(content).hexdigest()}" for name, content in files.items()]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def check_json(files: dict[str, bytes]) -> None:
    """Raise ConfigurationError for a file that is not JSON: the command might just leave it out."""
    for name, content in files.items():
        try:
            json.loads(content)
        except ValueError as error:
            raise ConfigurationError(
                f"{name}: not JSON: {error}", hint=f"correct {name}, then run: debstack apply"
            ) from error


class LoadStep(Step):
    """One declared load."""

    def __init__(
        self, context: Context, manifest: Manifest, name: str, load: Load, driver: Driver
    ) -> None:
        self.id = f"load:{manifest.source}/{name}"
        self.needs = frozenset(
            {f"schema:{manifest.source}/{load.database}"}
            | {f"config:{key}" for key in manifest.package.config}
        )
        self._name = name
        self._load = load
        self._root = context.root
        self._user = manifest.user
        self._account: DatabaseAccount = context.site.accounts[(manifest.source, load.database)]
        self._driver = driver

    def changes(self) -> Sequence[Change]:
        """See Step. Raises DatabaseError or ConfigurationError."""
        files = read_files(self._root, self._load.files)
        if not files:
            return []
        with self._driver.open(self._account) as session:
            if self._noted(session) == digest(files):
                return []
        return [Change(summary=self._load.summary, perform=self._perform)]

    def _noted(self, session: Session) -> str:
        if TABLE not in session.tables():
            return ""
        statement = f"SELECT digest FROM {session.quoted(TABLE)} WHERE name = %s"
        found = session.rows(statement, [self._name])
        return str(found[0][0]) if found else ""

    def _perform(self) -> None:
        """Load, alone; it is noted last, so that a killed run does it again."""
        files = read_files(self._root, self._load.files)
        check_json(files)
        with self._driver.open(self._account) as session, locked(session, self._account.database):
            if self._noted(session) == digest(files):
                return
            command = self._load.command
            run_on(self._account, command, self._user, what="database", timeout_s=TIMEOUT_S)
            self._note(session, digest(files))

    def _note(self, session: Session, loaded: str) -> None:
        table = session.quoted(TABLE)
        columns = "name VARCHAR(64) PRIMARY KEY, digest VARCHAR(64) NOT NULL"
        if TABLE not in session.tables():
            session.rows(f"CREATE TABLE {table} ({columns})")
        session.rows(f"DELETE FROM {table} WHERE name = %s", [self._name])
        session.rows(f"INSERT INTO {table} (name, digest) VALUES (%s, %s)", [self._name, loaded])

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [self._load.summary]


def build(context: Context) -> list[Step]:
    """Return a step for each load that packages of this machine declare."""
    steps: list[Step] = []
    for manifest in context.manifests:
        for name, load in manifest.package.load.items():
            driver = driver_for(context.site.database, context.root)
            steps.append(LoadStep(context, manifest, name, load, driver))
    return steps
