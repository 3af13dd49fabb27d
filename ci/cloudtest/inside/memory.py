# SPDX-License-Identifier: Apache-2.0
"""Prints, as JSON, the memory of each systemd unit's processes in MiB (PSS), largest first."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

_PSS = re.compile(r"^Pss:\s+(\d+) kB", re.M)

found: dict[str, float] = defaultdict(float)
for process in Path("/proc").glob("[0-9]*"):
    try:
        match = _PSS.search((process / "smaps_rollup").read_text())
        group = (process / "cgroup").read_text().strip().rpartition("/")[2]
    except OSError:
        continue  # it has ended meanwhile, or is a thread of the kernel
    if match:
        found[group] += int(match[1]) / 1024
print(json.dumps(dict(sorted(found.items(), key=lambda item: -item[1]))))
