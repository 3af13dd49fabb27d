# SPDX-License-Identifier: Apache-2.0
"""Logs in to Ceph as a service does, with its user's rights, and prints what came of it as JSON.

A process of its own, since Ceph's library is there only where Ceph is used.
Arguments: the user of Ceph, the configuration, and how many seconds it may take.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence

import rados


def pools(user: str, conf: str, timeout_s: str) -> list[str]:
    """Return the names of the pools. Raises rados.Error."""
    limits = {"client_mount_timeout": timeout_s, "rados_mon_op_timeout": timeout_s}
    with rados.Rados(conffile=conf, rados_id=user, conf=limits) as cluster:
        return sorted(cluster.list_pools())


def main(arguments: Sequence[str]) -> int:
    """Print the pools, or why they cannot be had; return the exit code."""
    user, conf, timeout_s = arguments
    try:
        print(json.dumps({"pools": pools(user, conf, timeout_s)}))
    except rados.Error as error:
        print(json.dumps({"errno": getattr(error, "errno", 0) or 0, "error": str(error)}))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
