# SPDX-License-Identifier: Apache-2.0
"""What is kept of a peer that failed: its nodes are gone by the time when somebody asks why."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from benchmark.figure import Figure
from cloudtest.acting import act
from debstack.base.errors import DebstackError
from pipeline.tree import BUILD, ROOT
from testbed.node import Node

FOLDER = BUILD / "bench"
#: Lines of each node's journal, and of each file that its services write themselves.
_LINES = 300
_FILE_LINES = 60
_FILES = f"find /var/log -name '*.log' -size +0 -exec tail --verbose --lines={_FILE_LINES} {{}} +"


class PeerError(DebstackError):
    """A peer that failed; `log` is the file, as named from the tree's top, that says how."""

    def __init__(self, message: str, log: Path) -> None:
        self.log = os.path.relpath(log, ROOT)
        super().__init__(message, hint=f"see {self.log}")


def log_path(name: str) -> Path:
    """Return the file for what is said by and of the peer `name`; its folder is made."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return FOLDER / f"{name}.log"


def _report(error: DebstackError, nodes: Sequence[Node]) -> str:
    """Return what `error` says, and the ends of what is logged on each of `nodes`."""
    parts = [error.message]
    for node in nodes:
        journal = node.journal(f"--lines={_LINES}")
        parts.append(f"the journal of node {node.name}, its end:\n{journal}")
        files = act(node, "sh", "-c", _FILES, check=False).stdout
        parts.append(f"the logs of node {node.name}, their ends:\n{files}")
    return "\n\n".join(parts) + "\n"


@contextmanager
def log_kept(name: str, nodes: Callable[[], Sequence[Node]] = tuple) -> Iterator[None]:
    """Where the block fails, keep why, with what is logged on `nodes`, in the log of peer `name`.

    Raises PeerError, which names the file, for a DebstackError of the block.
    """
    log = log_path(name)
    log.unlink(missing_ok=True)
    try:
        yield
    except DebstackError as error:
        with log.open("a", encoding="utf-8") as stream:
            stream.write(_report(error, nodes()))
        raise PeerError(error.message, log) from error


def attempted(name: str, measure: Callable[[], list[Figure]]) -> list[Figure]:
    """Return what `measure` finds of the peer `name`, or that it failed and where it says why."""
    try:
        return measure()
    except PeerError as error:
        return [Figure(name=f"peer failed: {name}", value=None, unit="", log=error.log)]
