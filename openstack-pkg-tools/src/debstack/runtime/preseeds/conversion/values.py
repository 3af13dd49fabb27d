# SPDX-License-Identifier: Apache-2.0
"""How values are rewritten: addresses, URLs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

#: Answers that mean the machine itself.
HERE = ("localhost", "127.0.0.1", "::1", "[::1]", "")
IDENTITY_PORT = 5000
#: Where Keystone's second API was until 2018; there is only one now.
_FORMER_PORT = 35357
_VERSION = re.compile(r"/v(2\.0|3)/?$")


def host_of(url: str) -> str:
    """Return the host in `url`, without brackets; empty where there is none."""
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def bracketed(host: str) -> str:
    """Return `host` as it stands in a URL."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def unbracketed(host: str, _near: Mapping[str, str]) -> str:
    """Return the address `host` without the brackets that a URL has."""
    return host.strip("[]")


def identity_url(url: str, _near: Mapping[str, str]) -> str:
    """Return the URL of Keystone's API version 3, whatever version and port `url` names."""
    plain = _VERSION.sub("", url.strip()).rstrip("/")
    plain = re.sub(rf":{_FORMER_PORT}(?=/|$)", f":{IDENTITY_PORT}", plain)
    return f"{plain}/v3"


def identity_at(host: str, near: Mapping[str, str]) -> str:
    """Return the URL of the Keystone at `host`, by the protocol that stands beside it."""
    protocol = near.get("api-keystone-proto") or "http"
    return f"{protocol}://{bracketed(host)}:{IDENTITY_PORT}/v3"
