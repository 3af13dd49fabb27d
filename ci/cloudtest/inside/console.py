# SPDX-License-Identifier: Apache-2.0
"""console.py SERVER: opens the console of a virtual machine as noVNC in a browser does.

Prints JSON: the URL that the cloud gave, the status of its page, and the first bytes that come
through the proxy's web socket, which are the VNC server's version.
"""

from __future__ import annotations

import base64
import json
import os
import socket
import ssl
import sys
from urllib.parse import parse_qs, urlsplit

import openstack
import requests


def through_socket(url: str) -> str:
    """Return the first message that the proxy sends once the web socket is open."""
    place = urlsplit(url)
    assert place.hostname  # noqa: S101
    path = parse_qs(place.query)["path"][0]
    key = base64.b64encode(os.urandom(16)).decode()
    asked = (
        f"GET /{path} HTTP/1.1\r\nHost: {place.netloc}\r\nOrigin: {place.scheme}://{place.netloc}\r\n"
        f"Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: {key}\r\n"
        "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: binary\r\n\r\n"
    )
    plain = socket.create_connection((place.hostname, place.port), timeout=30)
    context = ssl.create_default_context()
    with context.wrap_socket(plain, server_hostname=place.hostname) as proxy:
        proxy.sendall(asked.encode())
        stream = proxy.makefile("rb")
        status = stream.readline().decode().strip()
        if " 101 " not in f"{status} ":
            return status
        while stream.readline().strip():
            pass  # the other headers
        _, length = stream.read(2)  # a short message: its length is in the second byte
        return stream.read(length & 0x7F).decode(errors="replace").strip()


cloud = openstack.connect(cloud="admin")
server = cloud.compute.find_server(sys.argv[1], ignore_missing=False)
url = cloud.compute.create_console(server, console_type="novnc")["url"]
page = requests.get(url, timeout=30).status_code
print(json.dumps({"url": url, "page": page, "first": through_socket(url)}))
