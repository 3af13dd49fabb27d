# SPDX-License-Identifier: Apache-2.0
"""What PostgreSQL keeps of a password (RFC 5802, RFC 7677): so it never has to be sent one."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import stringprep
import unicodedata

ITERATIONS = 4096
SALT_BYTES = 16
_PROHIBITED = (
    stringprep.in_table_a1,
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
)


def prepared(password: str) -> str:
    """Return `password` after SASLprep (RFC 4013), or as it is where that refuses it, as libpq."""
    if password.isascii():
        return password
    spaced = "".join(" " if stringprep.in_table_c12(c) else c for c in password)
    kept = "".join(c for c in spaced if not stringprep.in_table_b1(c))
    normal = unicodedata.normalize("NFKC", kept)
    if not normal or any(prohibits(c) for c in normal for prohibits in _PROHIBITED):
        return password
    if any(stringprep.in_table_d1(c) for c in normal):
        mixed = any(stringprep.in_table_d2(c) for c in normal)
        edges = stringprep.in_table_d1(normal[0]) and stringprep.in_table_d1(normal[-1])
        if mixed or not edges:
            return password
    return normal


def verifier(password: str, *, salt: bytes | None = None) -> str:
    """Return the SCRAM-SHA-256 verifier of `password`, with a random salt unless one is given."""
    salt = os.urandom(SALT_BYTES) if salt is None else salt
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), salt, ITERATIONS)
    client = hmac.digest(salted, b"Client Key", "sha256")
    stored = hashlib.sha256(client).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    told = [base64.b64encode(part).decode() for part in (salt, stored, server)]
    return f"SCRAM-SHA-256${ITERATIONS}:{told[0]}${told[1]}:{told[2]}"
