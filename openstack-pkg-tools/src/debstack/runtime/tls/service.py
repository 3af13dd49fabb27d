# SPDX-License-Identifier: Apache-2.0
"""debstack sign: answers one connection that systemd has taken, for debstack-sign.socket.

HAProxy has terminated its TLS, and closes it after the answer.
"""

from __future__ import annotations

import socket
import sys
from datetime import UTC, datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from debstack.base.main import OK
from debstack.runtime.tls import request, signing
from debstack.runtime.tls.request import Refused

_TIMEOUT_S = 30.0


class Handler(BaseHTTPRequestHandler):
    """Answers a request for a certificate; the journal has who got or did not get one."""

    server_version = "debstack"
    sys_version = ""
    timeout = _TIMEOUT_S
    root = Path("/")

    def _answer(self, status: HTTPStatus, text: str) -> None:
        body = text.encode("utf-8")
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        """Sign, or tell why not."""
        length = self.headers.get("Content-Length", "")
        if self.path != request.PATH:
            self._answer(HTTPStatus.NOT_FOUND, f"expected {request.PATH}")
            return
        if not length.isdecimal() or int(length) > request.MAXIMUM_BYTES:
            self._answer(HTTPStatus.BAD_REQUEST, "expected a Content-Length that is not so large")
            return
        try:
            text = signing.sign(self.root, self.rfile.read(int(length)), datetime.now(UTC))
        except Refused as error:
            print(f"debstack sign: refused: {error}", file=sys.stderr)
            self._answer(HTTPStatus.FORBIDDEN, str(error))
            return
        self._answer(HTTPStatus.OK, text)

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet: HAProxy's address is all that there would be to tell."""


def serve(connection: socket.socket, root: Path = Path("/")) -> None:
    """Answer what comes by `connection`."""
    Handler.root = root
    # What it is given for a server, it never asks.
    Handler(connection, ("", 0), None)  # type: ignore[arg-type]


def sign() -> int:
    """Answer the connection that is this process's standard input."""
    with socket.socket(fileno=0) as connection:
        serve(connection)
    return OK
