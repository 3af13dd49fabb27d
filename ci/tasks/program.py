# SPDX-License-Identifier: Apache-2.0
"""What every task does with expected failures: one message, a hint, exit code 3."""

from __future__ import annotations

import functools
import logging
import sys
from collections.abc import Callable
from typing import ParamSpec

from debstack.base.main import run_main

P = ParamSpec("P")


def expected_failures(body: Callable[P, None]) -> Callable[P, None]:
    """Return the task `body` so that a DebstackError ends it with its message and exit code 3."""

    @functools.wraps(body)
    def told(*args: P.args, **kwargs: P.kwargs) -> None:
        logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)

        def main() -> int:
            body(*args, **kwargs)
            return 0

        code = run_main(body.__name__.replace("_", "-"), main)
        if code:
            sys.exit(code)

    return told
