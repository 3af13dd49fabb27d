# SPDX-License-Identifier: Apache-2.0
"""One at a time: whoever changes the tables of a database, on whichever machine."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager

from debstack.base.errors import DatabaseError
from debstack.runtime.database.driver import Session

log = logging.getLogger(__name__)

LOCK_TIMEOUT_S = 1800.0
LOCK_POLL_S = 0.5
LOCK_REPORT_S = 15.0


@contextmanager
def locked(session: Session, database: str) -> Iterator[None]:
    """Hold the lock of the `database` of `session`, once it can be had. Raises DatabaseError."""
    begun = time.monotonic()
    told = begun
    while not session.try_lock():
        now = time.monotonic()
        if now - begun > LOCK_TIMEOUT_S:
            raise DatabaseError(
                f"database {database}: another machine has been changing its "
                f"tables for {LOCK_TIMEOUT_S / 60:.0f} minutes",
                hint="see what that one does; then run: debstack apply",
            )
        if now - told >= LOCK_REPORT_S:
            told = now
            log.info("waiting for another change of %s (%.0f s)", database, now - begun)
        time.sleep(LOCK_POLL_S)
    try:
        yield
    finally:
        session.unlock()
