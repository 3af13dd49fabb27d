# SPDX-License-Identifier: Apache-2.0
"""debstack renew: a new certificate for this machine, in use without an interruption.

It does what apply does for certificates, and nothing else: a timer must not be the one that
restarts a service for a file that somebody is about to finish.
"""

from __future__ import annotations

import sys
import time
from functools import partial

from debstack.base.main import FAILURE, OK
from debstack.runtime import apply, defer
from debstack.runtime.assemble import without_secrets
from debstack.runtime.graph import BROKEN, Applier, walk
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import read_machine, require_root
from debstack.runtime.progress import display, summary
from debstack.runtime.steps import certificates, front, servers, tls


def renew(*, force: bool, quiet: bool) -> int:
    """Renew the certificate if it ends soon, or in any case; return the exit code.

    Raises DebstackError.
    """
    require_root()
    with single_apply():
        began = time.monotonic()
        why = defer.reason()
        if why:
            print(f"debstack: {why}: nothing is renewed here", file=sys.stderr)
            return OK
        machine = read_machine()
        context = machine.context()
        steps = [
            *tls.certificate_steps(context, renew=force),
            *servers.copy_steps(context),
            *certificates.build(context),
            *front.build(context),
        ]
        shown = display(quiet=quiet, in_dpkg=False)
        applier = Applier(shown, wait_s=apply.WAIT_S, masked=partial(without_secrets, machine))
        try:
            results = walk(steps, applier, stop=applier.stop)
        finally:
            shown.close()
        apply.tell_failures(machine, results)
        print(f"debstack: {summary(results, time.monotonic() - began)}", file=sys.stderr)
        return FAILURE if any(result.state in BROKEN for result in results) else OK
