# SPDX-License-Identifier: Apache-2.0
"""Running commands in the image's tree, with what they expect around them and no daemon started."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from debstack.base.run import Result, run

_TIMEOUT_S = 3600.0
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_LINKS = {"fd": "/proc/self/fd", "stdin": "fd/0", "stdout": "fd/1", "stderr": "fd/2"}
_NO_DAEMONS = "#!/bin/sh\n# No daemon starts while the image is built.\nexit 101\n"
_ENVIRONMENT = {
    "DEBIAN_FRONTEND": "noninteractive",
    "PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "HOME": "/root",
}


@dataclass(frozen=True, slots=True)
class Chroot:
    """The image's tree while commands can be run in it."""

    root: Path
    epoch: int

    def run(
        self,
        argv: Sequence[str],
        *,
        input: str | None = None,
        env: Mapping[str, str] | None = None,
        secrets: Sequence[str] = (),
        check: bool = True,
    ) -> Result:
        """Run `argv` in the tree as base.run does."""
        return run(
            ["chroot", os.fspath(self.root), *argv],
            input=input,
            env={**_ENVIRONMENT, "SOURCE_DATE_EPOCH": str(self.epoch), **(env or {})},
            secrets=secrets,
            timeout_s=_TIMEOUT_S,
            check=check,
        )

    def has(self, path: str) -> bool:
        """Tell whether the tree has a file at the absolute `path`."""
        return os.path.lexists(self.root / path.lstrip("/"))


def _mount_all(root: Path) -> None:
    run(["mount", "-t", "proc", "-o", "nosuid,nodev,noexec", "proc", root / "proc"])
    run(["mount", "-t", "tmpfs", "-o", "nosuid,mode=0755,size=64M", "tmpfs", root / "dev"])
    for name in _DEVICES:
        (root / "dev" / name).touch()
        run(["mount", "--bind", Path("/dev") / name, root / "dev" / name])
    for name, target in _LINKS.items():
        (root / "dev" / name).symlink_to(target)
    for name in ("pts", "shm"):
        (root / "dev" / name).mkdir()
    options = "nosuid,noexec,newinstance,ptmxmode=0666,mode=0620"
    run(["mount", "-t", "devpts", "-o", options, "devpts", root / "dev" / "pts"])
    (root / "dev" / "ptmx").symlink_to("pts/ptmx")
    for name in ("run", "tmp"):
        mode = "mode=0755" if name == "run" else "mode=1777"
        run(["mount", "-t", "tmpfs", "-o", f"nosuid,nodev,{mode}", "tmpfs", root / name])


def _unmount_all(root: Path) -> None:
    for name in ("tmp", "run", "dev", "proc"):
        run(["umount", "--recursive", "--lazy", root / name], check=False)


@contextmanager
def entered(root: Path, epoch: int) -> Iterator[Chroot]:
    """Give the tree with proc, devices and empty run and tmp; daemons are told not to start."""
    policy = root / "usr" / "sbin" / "policy-rc.d"
    _mount_all(root)
    try:
        policy.write_text(_NO_DAEMONS, encoding="utf-8")
        policy.chmod(0o755)
        yield Chroot(root, epoch)
    finally:
        policy.unlink(missing_ok=True)
        _unmount_all(root)
