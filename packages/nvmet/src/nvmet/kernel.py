# SPDX-License-Identifier: Apache-2.0
"""The modules of the kernel that targets take, loaded where they are missing."""

from __future__ import annotations

import subprocess
from pathlib import Path

from nvmet import tree

#: Where the kernel shows which modules it has.
MODULES = Path("/sys/module")
MODPROBE = "/sbin/modprobe"
_HINT = "Debian's kernels have it: see linux-image-amd64 and linux-image-cloud-amd64"


def load(module: str) -> None:
    """Have the kernel load `module`; raises CFSError where it has none, or may not be asked."""
    if (MODULES / module.replace("-", "_")).is_dir():
        return
    try:
        done = subprocess.run(
            [MODPROBE, module],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
    except OSError as error:
        raise tree.CFSError(f"{MODPROBE}: {error.strerror}; it is in the package kmod") from error
    if done.returncode != 0:
        said = done.stderr.strip().replace("\n", "; ")
        raise tree.CFSError(f"the kernel does not load its module {module}: {said} ({_HINT})")


def ensure() -> None:
    """Have the kernel's NVMe targets in configfs; raises CFSError."""
    if tree.top().is_dir():
        return
    load("nvmet")
    if not tree.top().is_dir():
        raise tree.CFSError(
            f"{tree.top()}: missing, with the module nvmet loaded; is configfs mounted? "
            "systemctl start sys-kernel-config.mount"
        )


def ensure_transport(kind: str) -> None:
    """Have the module for targets that are reached by `kind`, such as tcp; raises CFSError."""
    if kind in {"tcp", "rdma", "fc"}:
        load(f"nvmet-{kind}")
