# SPDX-License-Identifier: Apache-2.0
"""Sends a signal to a wait condition: the arguments are its URL and what to say with it.

Prints JSON: the HTTP status of the answer, and of one to the same request with another signature.
"""

import json
import sys
from urllib.parse import parse_qsl, urlencode, urlsplit

import requests


def status(url: str, said: str) -> int:
    """Return the status that the service answers the signal `said` with."""
    body = {"Status": "SUCCESS", "UniqueId": "1", "Data": said, "Reason": "told"}
    return requests.put(url, json=body, timeout=60).status_code


url, said = sys.argv[1:]
parts = urlsplit(url)
query = dict(parse_qsl(parts.query))
forged = urlencode({**query, "Signature": query["Signature"][::-1]})
found = {"forged": status(parts._replace(query=forged).geturl(), said), "signed": status(url, said)}
print(json.dumps(found))
