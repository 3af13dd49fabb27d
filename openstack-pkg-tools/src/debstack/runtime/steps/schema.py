# SPDX-License-Identifier: Apache-2.0
"""schema:<source>/<key>: the tables of a database, at the revisions of the installed code."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

from debstack.base.errors import CommandError, DatabaseError, DatabaseUnavailable
from debstack.base.run import run
from debstack.runtime.accounts import ids_of
from debstack.runtime.context import Context
from debstack.runtime.database import snapshot
from debstack.runtime.database.driver import (
    MARKER,
    Driver,
    Session,
    driver_for,
    secret_forms,
)
from debstack.runtime.database.locking import locked
from debstack.runtime.database.revisions import Standing, heads, read_revisions, standing
from debstack.runtime.site import DatabaseAccount
from debstack.runtime.step import Change, Step
from debstack.spec.vocabulary import Manifest, Schema

log = logging.getLogger(__name__)

PACKAGES = "/usr/lib/python3/dist-packages"
SNAPSHOTS = "/usr/share/debstack/schemas"
SYNC_TIMEOUT_S = 4 * 3600.0


def as_migrator(command: Sequence[str], user: str) -> list[str]:
    """Return the argv that runs `command` as `user` and ends it if debstack is killed.

    A migrator that outlived debstack would work on without the lock. Not by runuser, which stays
    in between and outlives debstack itself. Raises ConfigurationError where there is no such user.
    """
    ids: list[str] = []
    if user:
        _, group = ids_of(user, "the migration of the schema")
        ids = [f"--reuid={user}", f"--regid={group}", "--init-groups"]
    return ["setpriv", *ids, "--pdeathsig=KILL", "--", *command]


def run_on(
    account: DatabaseAccount, command: Sequence[str], user: str, *, what: str, timeout_s: float
) -> None:
    """Run a service's `command` on the database of `account`, as_migrator.

    Raises DatabaseError, which begins with `what` and the database.
    """
    try:
        run(
            as_migrator(command, user),
            timeout_s=timeout_s,
            secrets=secret_forms(account.url, account.password),
        )
    except CommandError as error:
        raise DatabaseError(
            f"{what} {account.database}: {error.message}",
            hint="remove the cause, then run: debstack apply",
        ) from error


def read_standing(
    session: Session, revisions: dict[str, tuple[str, ...]], version_table: str
) -> Standing:
    """Return how the database of `session` stands; without the version table, at nothing."""
    current: list[str] = []
    if version_table in session.tables():
        found = session.rows(f"SELECT version_num FROM {session.quoted(version_table)}")
        current = [str(row[0]) for row in found]
    return standing(revisions, current)


class SchemaStep(Step):
    """The schema of one database."""

    def __init__(
        self,
        context: Context,
        driver: Driver,
        account: DatabaseAccount,
        schema: Schema,
        manifest: Manifest,
    ) -> None:
        self.id = f"schema:{account.source}/{account.key}"
        self.needs = frozenset(
            {f"database:{account.source}/{account.key}"}
            | {f"config:{name}" for name in manifest.package.config}
        )
        self._driver = driver
        self._account = account
        self._schema = schema
        self._manifest = manifest
        self._engine = context.site.database.engine
        self._directory: Path = context.path(f"{PACKAGES}/{schema.migrations}")
        name = f"{manifest.source}-{schema.snapshot}.json"
        self._snapshot: Path = context.path(f"{SNAPSHOTS}/{name}")

    def changes(self) -> Sequence[Change]:
        """See Step. Raises DatabaseError, for a schema newer than the code too."""
        self._refuse_engine()
        revisions = read_revisions(self._directory)
        with self._driver.open(self._account) as session:
            found = read_standing(session, revisions, self._schema.version_table)
            first = MARKER in session.tables()
        self._refuse_newer(found)
        if found.missing:
            return [Change(summary=self._summary(revisions), perform=self._migrate)]
        if first:
            summary = f"note that the schema of {self._account.database} is complete"
            return [Change(summary=summary, perform=self._migrate)]
        return []

    def _refuse_engine(self) -> None:
        engines = self._schema.engines
        if engines and self._engine.value not in engines:
            told = " or ".join(engines)
            raise DatabaseError(
                f"database {self._account.database}: {self._manifest.title} cannot use "
                f"{self._engine.value}, only {told}",
                hint="on a machine where no service has data in SQLite: install mariadb-server, or "
                "name a server as openstack/database-host; then run: debstack apply",
            )

    def _summary(self, revisions: dict[str, tuple[str, ...]]) -> str:
        wanted = ", ".join(sorted(heads(revisions)))
        return f"bring the schema of {self._account.database} to {wanted}"

    def _refuse_newer(self, found: Standing) -> None:
        if found.unknown:
            source = self._manifest.source
            raise DatabaseError(
                f"database {self._account.database}: its schema is newer than the installed "
                f"{source}, which does not know {', '.join(sorted(found.unknown))}",
                hint=f"install the {source} that made it; a schema is never taken back",
            )

    def _migrate(self) -> None:
        """Load the finished schema or run the service's own command, alone; check what it did."""
        revisions = read_revisions(self._directory)
        table = self._schema.version_table
        with self._driver.open(self._account) as session, locked(session, self._account.database):
            found = read_standing(session, revisions, table)
            self._refuse_newer(found)
            if found.missing:
                self._begin(session, table)
                if not self._load(session, revisions):
                    self._sync()
                left = read_standing(session, revisions, table).missing
                if left:
                    raise DatabaseError(
                        f"database {self._account.database}: {' '.join(self._schema.sync)} ended "
                        f"well, but these revisions are missing: {', '.join(sorted(left))}",
                        hint=f"run it by hand as {self._manifest.user} to see what it says",
                    )
            if MARKER in session.tables():
                session.rows(f"DROP TABLE {session.quoted(MARKER)}")

    def _begin(self, session: Session, version_table: str) -> None:
        """Mark a database whose first schema begins; one where that was cut short starts anew.

        MariaDB commits each table as it is made, and no migration can go on from the middle.
        Nothing can be lost: the services start only when the mark is gone.
        """
        tables = session.tables()
        if MARKER in tables:
            log.info("the first schema of %s was cut short; again", self._account.database)
            session.empty()
        elif not tables:
            session.rows(f"CREATE TABLE {session.quoted(MARKER)} (started INTEGER)")

    def _load(self, session: Session, revisions: dict[str, tuple[str, ...]]) -> bool:
        """Make the schema of an empty database as the package brings it; False if it cannot be."""
        if not self._schema.snapshot or session.tables() - {MARKER}:
            return False
        found = snapshot.read(self._snapshot)
        table = self._schema.version_table
        if found is None or not snapshot.fits(found, session, revisions, table):
            return False
        try:
            snapshot.load(found, session, self._account.database, table)
        except DatabaseUnavailable:
            raise
        except DatabaseError as error:
            # A server may forbid what another allows; what upstream's migration says then counts.
            log.info("%s: not loaded (%s), migrating", self._snapshot, error.message)
            session.empty()
            return False
        return True

    def _sync(self) -> None:
        user = self._manifest.user
        sync = self._schema.sync
        run_on(self._account, sync, user, what="schema of", timeout_s=SYNC_TIMEOUT_S)

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"make the schema of {self._account.database}"]


def build(context: Context) -> list[Step]:
    """Return a step for each schema that the packages of this machine declare."""
    steps: list[Step] = []
    for manifest in context.manifests:
        for key, schema in manifest.package.schema.items():
            account = context.site.accounts[(manifest.source, key)]
            driver = driver_for(context.site.database, context.root)
            steps.append(SchemaStep(context, driver, account, schema, manifest))
    return steps
