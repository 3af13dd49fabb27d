# SPDX-License-Identifier: Apache-2.0
"""A node with Debian's Chromium, to look at the dashboard with."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from cloudtest.acting import act, apt, inside
from pipeline.tree import BUILD, locked
from testbed import archive, stage
from testbed.bed import Testbed
from testbed.node import Node

#: The browser, what drives it, and letters to show.
PACKAGES = ("chromium", "chromium-driver", "fonts-dejavu-core", "python3-selenium")
#: Where pictures of what was seen are kept; they are not committed.
PICTURES = BUILD / "screenshots"
_FAMILY = "browser-"
_FOLDER = "/root/pictures"
_TIMEOUT_S = 600.0


def ensure_browser() -> str:
    """Return the name of the stage with a browser, made if there is none yet."""
    layers = [os.fspath(path) for path in archive.supply().layers]
    content = json.dumps([PACKAGES, layers])
    name = f"{_FAMILY}{hashlib.sha256(content.encode()).hexdigest()[:12]}"
    with locked(f"testbed-{name}"):
        if stage.exists(name):
            return name
        with Testbed(f"browser-{os.getpid()}") as bed:
            node = bed.create("browser", packages=PACKAGES).boot()
            apt(node, "install", "--no-install-recommends", *PACKAGES)
            node.shutdown()
            stage.snapshot(node, name)
        for old in stage.stages():
            if old.startswith(_FAMILY) and old != name:
                stage.remove(old)
    return name


def visit(node: Node, url: str, account: dict[str, str]) -> dict[str, Any]:
    """Do in the browser of `node` what inside/dashboard.py says; return what it prints.

    The pictures are put into PICTURES.
    """
    node.write_file("/root/account.json", json.dumps(account), mode=0o600)
    found: dict[str, Any] = inside(node, "dashboard", url, _FOLDER, timeout_s=_TIMEOUT_S)
    PICTURES.mkdir(parents=True, exist_ok=True)
    for name in act(node, "ls", _FOLDER).stdout.split():
        node.copy_out(f"{_FOLDER}/{name}", PICTURES / name)
    return found
