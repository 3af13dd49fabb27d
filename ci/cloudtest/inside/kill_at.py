# SPDX-License-Identifier: Apache-2.0
"""kill_at.py KIND PATTERN DELAY_S COMMAND…: run a command, and kill -9 all of it at one moment.

The moment comes DELAY_S seconds after the first line that the command prints (KIND line), or the
first process below it (KIND process), that matches the regular expression PATTERN. What the command
starts outside its own tree (services, by systemd) is left alone. Prints JSON: whether the moment
came, the exit code if it did not, and the output.
"""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

UNIT = "victim"
GROUP = Path(f"/sys/fs/cgroup/system.slice/{UNIT}.service")
POLL_S = 0.002
PATIENCE_S = 300.0


def command_lines() -> list[str]:
    try:
        pids = (GROUP / "cgroup.procs").read_text(encoding="ascii").split()
    except OSError:  # not started yet, or gone
        return []
    found = []
    for pid in pids:
        try:
            content = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        found.append(content.replace(b"\0", b" ").decode(errors="replace"))
    return found


def kill_all() -> None:
    """Kill every process of the unit at once: none has time to notice that another one is gone."""
    (GROUP / "cgroup.kill").write_text("1", encoding="ascii")


def main() -> None:
    kind, pattern, delay_s = sys.argv[1], re.compile(sys.argv[2]), float(sys.argv[3])
    start = ["systemd-run", "--quiet", "--collect", "--pipe", "--wait", f"--unit={UNIT}"]
    start += ["--setenv=DEBIAN_FRONTEND=noninteractive", "--setenv=LC_ALL=C.UTF-8", "--"]
    child = subprocess.Popen(
        [*start, *sys.argv[4:]],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    lines: list[str] = []
    came = threading.Event()

    def read() -> None:
        assert child.stdout is not None  # noqa: S101 - it was asked for
        for line in child.stdout:
            lines.append(line)
            if kind == "line" and pattern.search(line):
                came.set()

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    deadline = time.monotonic() + PATIENCE_S
    while child.poll() is None and not came.is_set() and time.monotonic() < deadline:
        if kind == "process" and any(pattern.search(line) for line in command_lines()):
            came.set()
        else:
            came.wait(POLL_S)
    killed = came.wait(0)
    if killed:
        time.sleep(delay_s)
        try:
            kill_all()
        except OSError:  # it has ended within the delay
            killed = False
    elif child.poll() is None:
        child.send_signal(signal.SIGTERM)
    code = child.wait(timeout=60)
    reader.join(timeout=10)
    print(json.dumps({"killed": killed, "code": code, "output": "".join(lines)}))


main()
