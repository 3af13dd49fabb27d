# SPDX-License-Identifier: Apache-2.0
"""Where the testbed keeps things: caches that outlive a boot of the host, and state for now."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from debstack.base.errors import DebstackError
from debstack.base.run import run
from pipeline.tree import cache_dir

#: State of what exists now; everything below is worthless after a reboot of the host.
STATE = Path("/run/debstack-testbed")
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,62}")


class TestbedError(DebstackError):
    """The testbed could not do what was asked."""

    __test__ = False  # not a test class, whatever pytest thinks of its name


def cache(*parts: str) -> Path:
    """Return (and make) a folder of the testbed's cache."""
    return cache_dir("testbed", *parts)


def check_name(kind: str, name: str) -> str:
    """Return `name` if it can name a `kind` (node, network, stage…); raises TestbedError."""
    if not NAME.fullmatch(name):
        raise TestbedError(
            f'{kind}: expected lower-case letters, digits and hyphens, found "{name}"',
            hint="choose a name such as controller or compute-1",
        )
    return name


def require_root() -> None:
    """Raise TestbedError unless this process may make namespaces and mounts."""
    if os.geteuid() != 0:
        raise TestbedError(
            f"testbed: root is needed, running as user {os.geteuid()}",
            hint="run the same command with sudo",
        )


def write_json(path: Path, content: Any) -> None:
    """Write `content` to `path` at once, so that a reader never sees half of it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    partial.write_text(json.dumps(content, indent=2, sort_keys=True) + "\n", encoding="utf-8")
    partial.rename(path)


def read_json(path: Path) -> Any:
    """Return the content of `path`, or None if it does not exist."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None


def remove_tree(path: Path) -> None:
    """Remove the folder `path` and all in it, but nothing that is mounted there."""
    if path.exists():
        run(["rm", "-rf", "--one-file-system", "--", path])
