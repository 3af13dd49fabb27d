# SPDX-License-Identifier: Apache-2.0
"""Doing things one by one, with a line for each; or only telling what would be done."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable

from debstack.runtime.step import Change


class Doing:
    """Performs changes and tells of each; only tells where it is a dry run."""

    def __init__(self, *, dry_run: bool) -> None:
        self._dry_run = dry_run
        self.count = 0

    def __call__(self, summary: str, perform: Callable[[], object]) -> None:
        """Perform one change and tell of it; `summary` is an order: make the router."""
        self.count += 1
        if self._dry_run:
            print(f"would {summary}")
            return
        begun = time.monotonic()
        perform()
        tell(f"{summary} ({time.monotonic() - begun:.1f} s)")

    def all(self, changes: Iterable[Change]) -> None:
        """Perform `changes`."""
        for change in changes:
            self(change.summary, change.perform)


def tell(text: str) -> None:
    """Print a line about what is going on, at once."""
    print(f"debstack: {text}", file=sys.stderr, flush=True)
