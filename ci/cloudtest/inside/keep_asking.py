# SPDX-License-Identifier: Apache-2.0
"""keep_asking.py URL FILE: asks for URL again and again, ten times a second, until it is ended.

Each request is a connection of its own, verified with what the system trusts, and waits for none of
the others. FILE gets a line of JSON for each as it ends: when it began, in seconds since 1970, and
the status that was answered, or what went wrong.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
import threading
import time
from pathlib import Path
from urllib.parse import urlsplit

URL, FILE = sys.argv[1], Path(sys.argv[2])
_EVERY_S = 0.1
_TIMEOUT_S = 3.0
place = urlsplit(URL)
context = ssl.create_default_context()
writing = threading.Lock()


def ask(began: float) -> None:
    """Ask once, and write down what came of it."""
    connection = http.client.HTTPSConnection(
        place.hostname or "", place.port, timeout=_TIMEOUT_S, context=context
    )
    outcome: int | str
    try:
        connection.request("GET", place.path)
        outcome = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        outcome = repr(error)
    finally:
        connection.close()
    with writing, FILE.open("a", encoding="utf-8") as file:
        file.write(json.dumps([began, outcome]) + "\n")


due = time.time()
pause = threading.Event()
while True:
    threading.Thread(target=ask, args=(due,), daemon=True).start()
    due += _EVERY_S
    pause.wait(max(0.0, due - time.time()))
