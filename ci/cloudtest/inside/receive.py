# SPDX-License-Identifier: Apache-2.0
"""Takes what is posted to it over HTTP: the arguments are a port, and a file for the bodies.

Each body is added to the file as a line; it runs until it is stopped.
"""

import sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Handler(BaseHTTPRequestHandler):
    """Notes a request, and answers that all is well."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with Path(sys.argv[2]).open("ab") as file:
            file.write(body + b"\n")
        self.send_response(204)
        self.end_headers()


HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
