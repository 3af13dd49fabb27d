# SPDX-License-Identifier: Apache-2.0
"""Whether services can be run here now; and remembering that work is due where they cannot."""

from __future__ import annotations

import os
from pathlib import Path

from debstack.base.run import run
from debstack.runtime.files import WantedFile, remove, write

PENDING = "/var/lib/debstack/pending"
POLICY = "/usr/sbin/policy-rc.d"
_FORBIDDEN = 101
_NOTE = """\
Work is due: debstack-apply.service does it at the next boot; so does: debstack apply
"""


def reason(root: Path = Path("/")) -> str:
    """Return why services cannot be run here now, in words; an empty string if they can."""
    if not (root / "run/systemd/system").is_dir():
        return "systemd does not run this system"
    policy = root / POLICY.lstrip("/")
    if policy.exists() and os.access(policy, os.X_OK):
        answer = run([policy, "debstack-apply", "start"], check=False, timeout_s=30)
        if answer.code == _FORBIDDEN:
            return f"{POLICY} forbids to start services"
    return ""


def record(root: Path = Path("/")) -> None:
    """Note that work is due. Raises ConfigurationError."""
    write(WantedFile(path=root / PENDING.lstrip("/"), content=_NOTE))


def clear(root: Path = Path("/")) -> None:
    """Note that no work is due any more. Raises ConfigurationError."""
    remove(root / PENDING.lstrip("/"))
