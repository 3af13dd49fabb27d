# SPDX-License-Identifier: Apache-2.0
"""The smallest WSGI application."""


def application(environ, start_response):
    """Answer every request with its path."""
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [environ["PATH_INFO"].encode()]
