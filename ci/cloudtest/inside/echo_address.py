# SPDX-License-Identifier: Apache-2.0
"""Answers every HTTP request at port 80 with the address that it came from, until it is stopped."""

from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.client_address[0].encode())


HTTPServer(("", 80), Handler).serve_forever()
