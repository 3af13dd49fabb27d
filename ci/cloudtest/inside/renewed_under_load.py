# SPDX-License-Identifier: Apache-2.0
"""renewed_under_load.py HOST PORT TIMES: renews the certificate again and again while many ask.

Each request is a connection of its own, verified with what the system trusts. Prints JSON: how
many requests were answered, what became of the others, and the serial numbers that were seen.
"""

from __future__ import annotations

import http.client
import json
import ssl
import subprocess
import sys
import threading
from collections import Counter

HOST, PORT, TIMES = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
CLIENTS = 4
ended = threading.Event()
answered: Counter[int] = Counter()
failures: list[str] = []
serials: set[str] = set()


def ask() -> None:
    """Ask until all is done; what the system does not trust is a failure."""
    context = ssl.create_default_context()
    while not ended.is_set():
        connection = http.client.HTTPSConnection(HOST, PORT, timeout=30, context=context)
        try:
            connection.request("GET", "/")
            answered[connection.getresponse().status] += 1
            shown = connection.sock.getpeercert() if connection.sock else None
            if shown:
                serials.add(str(shown["serialNumber"]))
        except (OSError, http.client.HTTPException) as error:
            failures.append(repr(error))
        finally:
            connection.close()


threads = [threading.Thread(target=ask) for _ in range(CLIENTS)]
for thread in threads:
    thread.start()
try:
    for _ in range(TIMES):
        subprocess.run(["debstack", "renew", "--force"], check=True, capture_output=True)
finally:
    ended.set()
    for thread in threads:
        thread.join()
print(json.dumps({"answered": answered, "failures": failures[:10], "serials": len(serials)}))
