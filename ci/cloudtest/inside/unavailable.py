# SPDX-License-Identifier: Apache-2.0
"""unavailable.py ADDRESS PORT: a server that answers every HTTP request with 503."""

from __future__ import annotations

import sys
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Unavailable(BaseHTTPRequestHandler):
    def answer(self) -> None:
        self.send_error(HTTPStatus.SERVICE_UNAVAILABLE)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = answer


ThreadingHTTPServer((sys.argv[1], int(sys.argv[2])), Unavailable).serve_forever()
