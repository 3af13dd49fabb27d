# SPDX-License-Identifier: Apache-2.0
"""ask.py URL [NAME VALUE]…: asks for URL with these headers, trusting whom the system trusts.

Prints JSON: the status that was answered, or what went wrong before there was any.
"""

from __future__ import annotations

import http.client
import json
import ssl
import sys
from urllib.parse import urlsplit

_TIMEOUT_S = 30.0


def answered(url: str, headers: dict[str, str]) -> int | str:
    """Return the status, or the error."""
    place = urlsplit(url)
    host, port = place.hostname or "", place.port
    connection = (
        http.client.HTTPSConnection(
            host, port, timeout=_TIMEOUT_S, context=ssl.create_default_context()
        )
        if place.scheme == "https"
        else http.client.HTTPConnection(host, port, timeout=_TIMEOUT_S)
    )
    try:
        connection.request("GET", f"{place.path}?{place.query}", headers=headers)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        return repr(error)
    finally:
        connection.close()


names = sys.argv[2::2]
print(json.dumps(answered(sys.argv[1], dict(zip(names, sys.argv[3::2], strict=True)))))
