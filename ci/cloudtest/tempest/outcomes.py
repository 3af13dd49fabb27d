# SPDX-License-Identifier: Apache-2.0
"""outcomes.py FILE: print what became of each test in a file of subunit (version 1), as JSON.

Runs in the virtual environment of Tempest. A test is told by its name to its status and the reason,
which for a failure is the end of its traceback; a class that was skipped stands for its tests.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from subunit import ProtocolTestCase
from testtools import ExtendedToStreamDecorator, StreamToDict

outcomes: dict[str, dict[str, str]] = {}


def text_of(test: dict[str, Any], detail: str) -> str:
    """Return what is attached to a test under the name `detail`, empty if nothing is."""
    found = test["details"].get(detail)
    return found.as_text() if found else ""


def take(test: dict[str, Any]) -> None:
    """Note what became of a test."""
    name = re.sub(r"\[.*\]$", "", test["id"])
    begin, end = test["timestamps"]
    outcomes[name] = {
        "status": test["status"],
        "why": text_of(test, "reason") or text_of(test, "traceback")[-1500:],
        "seconds": f"{(end - begin).total_seconds():.1f}" if begin and end else "",
    }


result = ExtendedToStreamDecorator(StreamToDict(take))
result.startTestRun()
with Path(sys.argv[1]).open("rb") as stream:
    ProtocolTestCase(stream).run(result)
result.stopTestRun()
print(json.dumps(outcomes))
