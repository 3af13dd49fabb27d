# SPDX-License-Identifier: Apache-2.0
"""watch_arguments.py FILE: note the command line of every process until told to stop (SIGTERM).

FILE then holds each different one on a line of its own, arguments separated by blanks. It looks at
all processes hundreds of times a second; its own command line holds nothing worth noting.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path


def look(seen: set[bytes]) -> None:
    """Add the command lines of all processes to `seen`."""
    for name in os.listdir("/proc"):
        if not name.isdigit():
            continue
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


def main() -> None:
    stopped: list[int] = []
    signal.signal(signal.SIGTERM, lambda number, _: stopped.append(number))
    seen: set[bytes] = set()
    looks = 0
    while not stopped:
        look(seen)
        looks += 1
    lines = sorted(line.replace(b"\n", b"\\n").replace(b"\0", b" ") for line in seen)
    Path(sys.argv[1]).write_bytes(b"looks: %d\n" % looks + b"\n".join(lines) + b"\n")


main()
