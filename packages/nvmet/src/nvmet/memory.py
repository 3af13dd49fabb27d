# SPDX-License-Identifier: Apache-2.0
"""What the targets are, in a file: the kernel forgets them when the machine goes down."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from nvmet import tree

STATE = Path("/var/lib/nvmet/targets.json")
KINDS = ("hosts", "subsystems", "ports")
_SCHEMA = 1


def _opened(path: Path) -> TextIO:
    """Open a file of root's alone, whatever the umask of who calls is."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    return os.fdopen(os.open(path, flags, 0o600), "w", encoding="utf-8")


@contextmanager
def _locked() -> Iterator[None]:
    STATE.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _opened(STATE.parent / "lock") as stream:
        fcntl.flock(stream, fcntl.LOCK_EX)
        yield


def store(dump: Callable[[], Mapping[str, Any]]) -> None:
    """Write down what `dump` returns, by kind; raises CFSError."""
    fresh = STATE.with_suffix(".new")
    try:
        with _locked():
            text = json.dumps({"schema": _SCHEMA, **dump()}, indent=1)
            with _opened(fresh) as stream:
                stream.write(f"{text}\n")
                stream.flush()
                os.fsync(stream.fileno())
            fresh.replace(STATE)
    except OSError as error:
        raise tree.told(STATE, "write down the targets", error) from error


def stored() -> dict[str, list[Mapping[str, Any]]]:
    """Return what was written down, by kind; nothing where nothing was. Raises CFSError."""
    try:
        found = json.loads(STATE.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {kind: [] for kind in KINDS}
    except OSError as error:
        raise tree.told(STATE, "read it", error) from error
    except ValueError as error:
        raise tree.CFSError(f"{STATE}: expected JSON, found something else: {error}") from error
    if not isinstance(found, dict) or found.get("schema") != _SCHEMA:
        raise tree.CFSError(f"{STATE}: expected schema {_SCHEMA} of nvmet, found something else")
    return {kind: found[kind] for kind in KINDS}
