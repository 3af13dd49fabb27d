# SPDX-License-Identifier: Apache-2.0
"""watch_arguments.py FILE: note the command line of every process until told to stop (SIGTERM).

FILE then holds each different one on a line of its own, arguments separated by blanks. It asks
several hundred times a second which numbers the kernel has given to new processes, looks at those
until they are old enough to have become another program, and at all processes now and then; its own
command line holds nothing worth noting.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections import deque
from collections.abc import Iterable
from pathlib import Path

_PAUSE_S = 0.0005
#: How long a new process is looked at whenever it is looked at all.
_YOUNG_S = 0.05
_ALL_S = 0.1


def look(seen: set[bytes], names: Iterable[str]) -> None:
    """Add the command lines of the processes with these numbers to `seen`."""
    for name in names:
        try:
            descriptor = os.open(f"/proc/{name}/cmdline", os.O_RDONLY)
        except OSError:
            continue
        try:
            seen.add(os.read(descriptor, 65536))
        except OSError:  # it has ended between the two calls
            pass
        finally:
            os.close(descriptor)


class Births:
    """The numbers of new processes and threads, as /proc/loadavg tells the newest one."""

    def __init__(self) -> None:
        self._descriptor = os.open("/proc/loadavg", os.O_RDONLY)
        self._limit = int(Path("/proc/sys/kernel/pid_max").read_text(encoding="ascii"))
        self._newest = self._read()

    def _read(self) -> int:
        return int(os.pread(self._descriptor, 100, 0).split()[-1])

    def __call__(self) -> list[int]:
        """Return those since the last call."""
        before, self._newest = self._newest, self._read()
        if self._newest >= before:
            return list(range(before + 1, self._newest + 1))
        return [*range(before + 1, self._limit), *range(1, self._newest + 1)]


def main() -> None:
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    seen: set[bytes] = set()
    looks = 0
    births = Births()
    young: deque[tuple[float, int]] = deque()
    everything_at = 0.0
    while not stopped:
        now = time.monotonic()
        young.extend((now + _YOUNG_S, number) for number in births())
        while young and young[0][0] < now:
            young.popleft()
        look(seen, (str(number) for _, number in young))
        if now >= everything_at:
            look(seen, filter(str.isdigit, os.listdir("/proc")))
            everything_at = now + _ALL_S
        looks += 1
        time.sleep(_PAUSE_S)
    lines = sorted(line.replace(b"\n", b"\\n").replace(b"\0", b" ") for line in seen)
    Path(sys.argv[1]).write_bytes(b"looks: %d\n" % looks + b"\n".join(lines) + b"\n")


main()
