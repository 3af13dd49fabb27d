# SPDX-License-Identifier: Apache-2.0
"""Further apt sources as given in files: their keys go with them into the image."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from pathlib import Path

from debstack.base.errors import DebstackError

_FIELDS = ("Types", "URIs", "Suites", "Signed-By")
_SIGNED_BY = re.compile(r"^Signed-By:[ \t]*((?:/|\./|\.\./)\S.*)$", re.IGNORECASE | re.MULTILINE)
_ARMOUR = re.compile(
    r"-----BEGIN PGP PUBLIC KEY BLOCK-----\s*\n(?:[^\n]+:[^\n]*\n)*\s*\n"
    r"(?P<data>[A-Za-z0-9+/=\s]+?)\n(?:=[A-Za-z0-9+/]{4}\s*\n)?-----END PGP PUBLIC KEY BLOCK-----"
)
#: The image's own package has these, and renews them.
_IN_EVERY_IMAGE = "/usr/share/keyrings/debian-archive-"


def checksum(data: bytes) -> int:
    """Return the checksum of OpenPGP's ASCII armour (RFC 4880, section 6.1)."""
    value = 0xB704CE
    for byte in data:
        value ^= byte << 16
        for _ in range(8):
            value <<= 1
            if value & 0x1000000:
                value ^= 0x1864CFB
    return value & 0xFFFFFF


def armoured(data: bytes) -> Iterator[str]:
    """Give the lines of a binary keyring as ASCII armour."""
    yield "-----BEGIN PGP PUBLIC KEY BLOCK-----"
    yield ""
    text = base64.b64encode(data).decode("ascii")
    yield from (text[at : at + 64] for at in range(0, len(text), 64))
    yield "=" + base64.b64encode(checksum(data).to_bytes(3, "big")).decode("ascii")
    yield "-----END PGP PUBLIC KEY BLOCK-----"


def key_data(path: Path) -> bytes:
    """Return the keys in a file, which may be armoured, in binary. Raises DebstackError."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DebstackError(
            f"--repository: Signed-By: cannot read {path}: {error.strerror}",
            hint="the key may stand in the field itself, too: see sources.list(5)",
        ) from error
    blocks = list(_ARMOUR.finditer(data.decode("ascii", errors="replace")))
    if blocks:
        return b"".join(base64.b64decode(block["data"]) for block in blocks)
    # The first byte of a packet has its highest bit set; a key is one of tag 6.
    if not data or data[0] not in (0x98, 0x99, 0x9A, 0xC6):
        raise DebstackError(f"--repository: Signed-By: {path}: expected keys of OpenPGP")
    return data


def _with_key(found: re.Match[str], folder: Path) -> str:
    names = [name for name in re.split(r"[,\s]+", found.group(1)) if name]
    if all(name.startswith(_IN_EVERY_IMAGE) for name in names):
        return found.group()
    data = b"".join(key_data(folder / name) for name in names)
    return "Signed-By:\n" + "\n".join(f" {line or '.'}" for line in armoured(data))


def read_repository(path: Path) -> str:
    """Return the sources in a file, with the keys that they name in it. Raises DebstackError."""
    text = path.read_text(encoding="utf-8")
    for name in _FIELDS:
        if not re.search(rf"^{name}:", text, re.MULTILINE | re.IGNORECASE):
            raise DebstackError(
                f"--repository: {path}: expected a field {name}, found none",
                hint="deb822 form, as in sources.list(5), with the key in Signed-By",
            )
    return _SIGNED_BY.sub(lambda found: _with_key(found, path.parent), text).strip() + "\n"
