# SPDX-License-Identifier: Apache-2.0
"""python3 -m nvmet: show the targets, or make those that were there before a reboot."""

from __future__ import annotations

import argparse
import json
import sys

from nvmet import nvme
from nvmet.restore import restore
from nvmet.tree import CFSError

#: For disks and addresses that come while the machine starts.
_TIMEOUT_S = 60.0


def main(argv: list[str] | None = None) -> int:
    """Do what the arguments say; return 0, or 3 with the reason on standard error."""
    parser = argparse.ArgumentParser(prog="python3 -m nvmet", description=__doc__)
    parser.add_argument(
        "command",
        choices=["show", "restore"],
        help="show prints the targets in JSON; restore makes those of /var/lib/nvmet/targets.json",
    )
    command = parser.parse_args(argv).command
    try:
        if command == "show":
            print(json.dumps(nvme.Root().dump(), indent=1))
            return 0
        problems = restore(_TIMEOUT_S)
    except CFSError as error:
        problems = [str(error)]
    for problem in problems:
        print(f"nvmet: error: {problem}", file=sys.stderr)
    return 3 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
