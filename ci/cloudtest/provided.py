# SPDX-License-Identifier: Apache-2.0
"""Certificates that an administrator provides, by an authority of the administrator's own."""

from __future__ import annotations

from cloudtest.acting import act
from testbed.node import Node

FOLDER = "/etc/ssl/own"
AUTHORITY = f"{FOLDER}/ca.pem"
_ISSUE = """
set -eu
mkdir -p "$1"
cd "$1"
curve='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
[ -e ca.pem ] || openssl req -x509 $curve -days 30 -subj /CN=own-ca -keyout ca.key -out ca.pem \\
    -addext basicConstraints=critical,CA:TRUE
openssl req $curve -subj /CN=own -keyout "$2.key" -out csr
printf 'subjectAltName=%s\\n' "$3" >extensions
openssl x509 -req -in csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 25 \\
    -extfile extensions -out "$2.pem"
"""


def paths(name: str) -> tuple[str, str]:
    """Return where the certificate and the key `name` lie."""
    return f"{FOLDER}/{name}.pem", f"{FOLDER}/{name}.key"


def issue(node: Node, name: str, hosts: str) -> None:
    """Put the certificate and the key `name` on `node`, for `hosts` as subjectAltName has them."""
    act(node, "sh", "-c", _ISSUE, "sh", FOLDER, name, hosts)
