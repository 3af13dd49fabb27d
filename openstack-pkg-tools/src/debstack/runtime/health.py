# SPDX-License-Identifier: Apache-2.0
"""Asking a service whether it works."""

from __future__ import annotations

import http.client
import threading
import time

_TIMEOUT_S = 10.0
_PAUSE_S = 0.1
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


def wait_until_good(address: str, port: int, path: str, *, deadline_s: float) -> str:
    """Return as soon as the service answers: empty; or the last problem after `deadline_s`."""
    end = time.monotonic() + deadline_s
    pause = threading.Event()
    while True:
        found = problem(address, port, path)
        if not found or time.monotonic() >= end:
            return found
        pause.wait(_PAUSE_S)
