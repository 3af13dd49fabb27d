# SPDX-License-Identifier: Apache-2.0
"""Reading a preseed file that somebody names, or standard input."""

from __future__ import annotations

import sys
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.runtime.preseed import Preseed

STANDARD_INPUT = "-"


def read_preseed(name: str) -> tuple[str, Preseed]:
    """Return what the file is called in messages, and its content. Raises DebstackError."""
    if name == STANDARD_INPUT:
        where, content = "standard input", sys.stdin.buffer.read()
    else:
        where = name
        try:
            content = Path(name).read_bytes()
        except OSError as error:
            raise DebstackError(f"{name}: cannot be read: {error.strerror}") from error
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise DebstackError(
            f"{where}:{line}: not UTF-8 text",
            hint="convert the file, for example with: iconv -f latin1 -t utf-8",
        ) from error
    return where, Preseed.parse(text)
