# SPDX-License-Identifier: Apache-2.0
"""One apply at a time on a machine."""

from __future__ import annotations

import fcntl
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.runtime.files import refusal

LOCK = Path("/run/lock/debstack.lock")
PATIENCE_S = 900.0
_POLL_S = 0.2


def _holder(descriptor: int) -> str:
    text = os.pread(descriptor, 20, 0).decode("ascii", errors="replace").strip()
    return f" (process {text})" if text.isdecimal() else ""


def _take(descriptor: int, path: Path, patience_s: float) -> None:
    deadline = time.monotonic() + patience_s
    told = False
    pause = threading.Event()
    while True:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            holder = _holder(descriptor)
            if time.monotonic() >= deadline:
                raise DebstackError(
                    f"{path}: still held by another debstack{holder} after {patience_s:.0f} s",
                    hint="wait for it to end, or find out what it waits for; then try again",
                ) from None
            if not told:
                print(f"debstack: waiting for another debstack{holder} to end", file=sys.stderr)
                told = True
            pause.wait(_POLL_S)


@contextmanager
def single_apply(path: Path = LOCK, patience_s: float = PATIENCE_S) -> Iterator[None]:
    """Hold the lock that lets only one process change this machine; the kernel frees it at exit.

    Waits for another holder, and says so. Raises DebstackError after `patience_s` seconds.
    """
    flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise refusal(path, error) from error
    try:
        _take(descriptor, path, patience_s)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        yield
    finally:
        os.close(descriptor)
