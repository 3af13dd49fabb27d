# SPDX-License-Identifier: Apache-2.0
"""Asking a service whether it works."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

_TIMEOUT_S = 10.0
_PAUSE_S = 0.1
_LOOK_S = 1.0
_GOOD = (200, 300)
#: What says no so long, and at each question, is loaded, and will not come right by itself.
_REFUSAL_S = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """Why a service is not good: `told` in words; `answered` if it said so itself."""

    told: str
    answered: bool


def problem(address: str, port: int, path: str) -> Problem | None:
    """Return why http://address:port/path does not answer 200 or 300; None if it does."""
    connection = http.client.HTTPConnection(address, port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", path, headers={"Connection": "close", "Accept": "*/*"})
        status = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return Problem(told=f"no answer at {address} port {port}: {error}", answered=False)
    finally:
        connection.close()
    if status in _GOOD:
        return None
    return Problem(told=f"{path} at {address} port {port} answers {status}", answered=True)


def wait_until_good(
    address: str, port: int, path: str, *, deadline_s: float, in_vain: Callable[[], bool]
) -> str:
    """Return as soon as the service answers: empty; or the last problem after `deadline_s`.

    Or before: when it has answered with an error for a minute, or when `in_vain` says that it never
    will; that is asked once in a second at most.
    """
    refused = now = time.monotonic()
    end, next_look = now + deadline_s, now + _LOOK_S
    pause = threading.Event()
    while True:
        found = problem(address, port, path)
        now = time.monotonic()
        if found is None:
            return ""
        if not found.answered:
            refused = now
        if now >= end or now - refused >= _REFUSAL_S:
            return found.told
        if now >= next_look:
            if in_vain():
                return found.told
            next_look = now + _LOOK_S
        pause.wait(_PAUSE_S)
