# SPDX-License-Identifier: Apache-2.0
"""One line of progress for each step, with its time, on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

_quiet = False
#: Title and seconds of the steps that are done, for the manifest's reader and for `make bench`.
finished: list[tuple[str, float]] = []


def be_quiet() -> None:
    """Print no more progress."""
    global _quiet
    _quiet = True


def say(text: str) -> None:
    """Print a line."""
    if not _quiet:
        print(f"image: {text}", file=sys.stderr, flush=True)


@contextmanager
def step(title: str) -> Iterator[None]:
    """Print what is being done where somebody watches, and how long it took once it is done."""
    watched = sys.stderr.isatty() and not _quiet
    if watched:
        print(f"image:          {title} …", end="", file=sys.stderr, flush=True)
    begin = time.monotonic()
    try:
        yield
    except BaseException:
        if watched:
            print(file=sys.stderr)
        raise
    seconds = time.monotonic() - begin
    finished.append((title, seconds))
    if watched:
        print("\r\033[K", end="", file=sys.stderr)
    say(f"{seconds:6.1f} s  {title}")
