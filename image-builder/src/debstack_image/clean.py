# SPDX-License-Identifier: Apache-2.0
"""Taking out of the tree what belongs to the build and not to the image."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from debstack_image import tree
from debstack_image.unique import make_unique

#: Folders that stay, empty.
EMPTIED = (
    "dev",
    "proc",
    "run",
    "sys",
    "tmp",
    "var/tmp",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/lib/apt/mirrors",
    "var/lib/cloud",
    "var/lib/systemd/coredump",
    "var/log/apt",
    "var/log/journal",
)
#: Files that go: what a machine makes for itself, copies before changes, traces of the build.
REMOVED = (
    "etc/.pwd.lock",
    "etc/apt/apt.conf.d/*mmdebstrap",
    "etc/dpkg/dpkg.cfg.d/*mmdebstrap",
    "etc/group-",
    "etc/gshadow-",
    "etc/machine-info",
    "etc/nvme/hostid",
    "etc/nvme/hostnqn",
    "etc/passwd-",
    "etc/shadow-",
    "etc/subgid-",
    "etc/subuid-",
    "etc/ssh/ssh_host_*",
    "root/.bash_history",
    "root/.wget-hsts",
    "usr/lib/locale/.lock",
    "var/cache/apt/*.bin",
    "var/cache/debconf/*-old",
    "var/cache/ldconfig/aux-cache",
    "var/cache/man/*",
    "var/lib/apt/extended_states.lock",
    "var/lib/dbus/machine-id",
    "var/lib/dpkg/*-old",
    "var/lib/dpkg/lock*",
    "var/lib/dpkg/triggers/Lock",
    "var/lib/dpkg/triggers/Unincorp.old",
    "var/lib/rabbitmq/.erlang.cookie",
    "var/lib/systemd/catalog/database",
    "var/lib/systemd/credential.secret",
    "var/lib/systemd/random-seed",
    "var/lib/systemd/timesync/clock",
    "var/lib/urandom/random-seed",
)
#: Folders whose files all go while they stay, with their owners and modes.
_LOGS = "var/log"
_DAY_S = 86400


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _files(folder: Path) -> Iterator[Path]:
    for path in tree.walk(folder):
        if not path.is_dir() or path.is_symlink():
            yield path


def _same_password_days(root: Path, epoch: int) -> None:
    """Let the day of each password's last change be the image's, not the build's."""
    path = root / "etc" / "shadow"
    lines = []
    for line in path.read_text(encoding="utf-8").splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2].isdigit() and int(fields[2]) > 0:
            fields[2] = str(epoch // _DAY_S)
        lines.append(":".join(fields))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def clean(root: Path, epoch: int) -> None:
    """Take the build's traces out of the tree; no file is newer than `epoch` afterwards."""
    for name in EMPTIED:
        if (root / name).is_dir() and not (root / name).is_symlink():
            _empty(root / name)
    for pattern in REMOVED:
        for path in root.glob(pattern):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()
    for path in _files(root / _LOGS):
        path.unlink()
    make_unique(root)
    # Empty, not absent: systemd makes a new one and keeps it, without taking this for an installer.
    tree.write(root, "/etc/machine-id", "", 0o444)
    _same_password_days(root, epoch)
    clamp(root, epoch)


def clamp(root: Path, epoch: int) -> None:
    """Set the time of whatever is newer than `epoch` to it, and the time of every access.

    Which files are read while an image is built is chance; a later access counts as `epoch` too.
    """
    limit = epoch * 10**9
    for path in (*tree.walk(root), root):
        changed = min(path.lstat().st_mtime_ns, limit)
        os.utime(path, ns=(limit, changed), follow_symlinks=False)
