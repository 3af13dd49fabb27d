# SPDX-License-Identifier: Apache-2.0
"""Answers one HTTP request on standard input and output, as Nova's metadata server would."""

from __future__ import annotations

import sys
from pathlib import Path


def main() -> None:
    """Serve the file that the first argument names."""
    request = sys.stdin.buffer.readline().decode().split()
    while sys.stdin.buffer.readline().strip():
        pass
    path = request[1].rstrip("/") if len(request) > 1 else ""
    answers = {
        "/openstack": "2018-08-27\nlatest\n",
        "/openstack/2018-08-27": "meta_data.json\n",
        "/openstack/2018-08-27/meta_data.json": Path(sys.argv[1]).read_text(encoding="utf-8"),
    }
    body = answers.get(path, "").encode()
    status = "200 OK" if path in answers else "404 Not Found"
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    sys.stdout.buffer.write(head.encode() + body)


if __name__ == "__main__":
    main()
