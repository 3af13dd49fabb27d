# SPDX-License-Identifier: Apache-2.0
"""Text that must never be shown: passwords, keys and URLs that hold them."""

from __future__ import annotations

import secrets
import string

_ALPHABET = string.ascii_letters + string.digits
MASK = "****"


class Secret(str):
    """A string whose repr is masked; the value appears only where it is used on purpose."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK


def generate_secret(length: int = 32) -> Secret:
    """Return a random secret of `length` letters and digits (32 of them hold about 190 bits)."""
    return Secret("".join(secrets.choice(_ALPHABET) for _ in range(length)))
