# SPDX-License-Identifier: Apache-2.0
"""Asking a service whether it works."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable

_TIMEOUT_S = 10.0
_PAUSE_S = 0.1
_LOOK_S = 1.0
_GOOD = (200, 300)


def problem(address: str, port: int, path: str) -> str:
    """Return why http://address:port/path does not answer 200 or 300; empty if it does."""
    connection = http.client.HTTPConnection(address, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Connection": "close", "Accept": "*/*"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return f"no answer at {address} port {port}: {error}"
    finally:
        connection.close()
    return "" if status in _GOOD else f"{path} at {address} port {port} answers {status}"


def wait_until_good(
    address: str, port: int, path: str, *, deadline_s: float, in_vain: Callable[[], bool]
) -> str:
    """Return as soon as the service answers: empty; or the last problem after `deadline_s`.

    Or before, when `in_vain` says that it never will; that is asked once in a second at most.
    """
    now = time.monotonic()
    end, next_look = now + deadline_s, now + _LOOK_S
    pause = threading.Event()
    while True:
        found = problem(address, port, path)
        now = time.monotonic()
        if not found or now >= end:
            return found
        if now >= next_look:
            if in_vain():
                return found
            next_look = now + _LOOK_S
        pause.wait(_PAUSE_S)
