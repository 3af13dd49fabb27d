# SPDX-License-Identifier: Apache-2.0
"""A kernel with a clock of its own: User-Mode Linux, which sees this machine's files."""

from __future__ import annotations

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from debstack.base.run import run

_INIT = """\
#!/bin/sh
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mkdir -p /dev/shm /dev/pts
mount -t tmpfs -o mode=1777 tmpfs /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs tmpfs /run
mount -t tmpfs -o mode=1777 tmpfs /tmp
mkdir -p {shared}
mount -t hostfs none {shared} -o {shared}
date --set="{ahead}" >/dev/null
date +%s >{shared}/clock
for script in {shared}/command-*; do
    sh "$script" >"$script.log" 2>&1 </dev/null
    echo $? >"$script.code"
done
sync
echo o >/proc/sysrq-trigger
exec tail -f /dev/null
"""


def run_in_guest(
    shared: Path, ahead: str, commands: Sequence[Sequence[str]], *, timeout_s: float
) -> list[tuple[int, str]]:
    """Run `commands` in turn as root where the clock is `ahead`; return exit codes and outputs.

    The guest reads all files of this machine, and writes below `shared` and in memory.
    """
    for number, argv in enumerate(commands):
        (shared / f"command-{number}").write_text(f"exec {shlex.join(argv)}\n", encoding="utf-8")
    init = shared / "init"
    init.write_text(_INIT.format(shared=shared, ahead=ahead), encoding="utf-8")
    init.chmod(0o755)
    # In a PID namespace, for its processes outlive one another: all end with whoever runs this.
    alone = ["setpriv", "--pdeathsig", "KILL", "unshare", "--pid", "--mount-proc", "--fork"]
    kernel = [*alone, "--kill-child", "linux.uml", "mem=6G", "rootfstype=hostfs"]
    kernel += ["rootflags=/", "ro", f"init={init}", f"uml_dir={shared}/"]
    run([*kernel, "con=null", "con0=null,fd:2", "quiet"], env=_ENV, timeout_s=timeout_s)
    return [
        (
            int((shared / f"command-{number}.code").read_text(encoding="ascii")),
            (shared / f"command-{number}.log").read_text(encoding="utf-8"),
        )
        for number in range(len(commands))
    ]


#: Its memory is a file there.
_ENV = {"TMPDIR": os.fspath(Path("/dev/shm"))}
