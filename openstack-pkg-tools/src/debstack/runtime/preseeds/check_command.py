# SPDX-License-Identifier: Apache-2.0
"""debstack preseed check: tell everything that is wrong with a preseed file of ours."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.main import FAILURE, OK
from debstack.runtime.preseeds.check import answered, check
from debstack.runtime.preseeds.finding import Finding, Severity
from debstack.runtime.preseeds.known import LIST_PACKAGE, Known, read_known
from debstack.runtime.preseeds.reading import read_preseed

log = logging.getLogger(__name__)

_ROOT = Path("/")


def tell_coverage(known: Known) -> None:
    """Say it where only the questions of the packages here are known."""
    if not known.whole_series:
        log.warning(
            "only the questions of installed packages are known; those of all others: install %s",
            LIST_PACKAGE,
        )


def _print_json(where: str, number: int, findings: Sequence[Finding], known: Known) -> None:
    plain = {
        "file": where,
        "answers": number,
        "whole_series": known.whole_series,
        "findings": [finding.plain() for finding in findings],
    }
    print(json.dumps(plain, indent=1, ensure_ascii=False))


def preseed_check(name: str, *, as_json: bool) -> int:
    """Check the preseed file `name`; return the exit code. Raises DebstackError with all errors."""
    where, preseed = read_preseed(name)
    known = read_known(_ROOT)
    findings = check(preseed, known)
    number = answered(preseed, known)
    errors = [finding for finding in findings if finding.severity is Severity.ERROR]
    if as_json:
        _print_json(where, number, findings, known)
        return FAILURE if errors else OK
    tell_coverage(known)
    for finding in findings:
        if finding.severity is Severity.WARNING:
            log.warning("%s", finding.text(where))
    if errors:
        raise DebstackError(
            "\n".join(finding.text(where) for finding in errors),
            hint="correct these lines, then run again: debstack preseed check",
        )
    print(f"debstack: {where}: {number} answers, nothing wrong", file=sys.stderr)
    return OK
