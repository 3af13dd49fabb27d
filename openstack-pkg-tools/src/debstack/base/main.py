# SPDX-License-Identifier: Apache-2.0
"""The wrapper every program of ours runs in: how errors are told and which exit code they give."""

from __future__ import annotations

import sys
from collections.abc import Callable

from debstack.base.errors import DebstackError

OK = 0
BUG = 1
USAGE = 2
FAILURE = 3


def report(program: str, error: DebstackError) -> None:
    """Print `error` to stderr as `program: error: …` lines and a `program: hint: …` line."""
    for line in error.message.splitlines():
        continued = line.startswith(" ")
        print(line if continued else f"{program}: error: {line}", file=sys.stderr)
    if error.hint:
        print(f"{program}: hint: {error.hint}", file=sys.stderr)


def run_main(program: str, main: Callable[[], int]) -> int:
    """Return the exit code of `main`: 3 with the reason printed for an expected failure.

    Anything but a DebstackError passes through as a traceback (exit code 1).
    """
    try:
        return main()
    except DebstackError as error:
        report(program, error)
        return FAILURE
    except KeyboardInterrupt:
        print(f"{program}: interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        sys.stderr.close()
        return 141
