# SPDX-License-Identifier: Apache-2.0
"""Whether Ceph lets the daemons of a source in, and has their pools."""

from __future__ import annotations

import errno
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from debstack.base.errors import AnswerError, CephUnavailable, ConfigurationError, DebstackError
from debstack.base.run import run
from debstack.runtime.ceph import files
from debstack.runtime.ceph.answered import KEY, MONITORS, Ceph

_MODULE = "debstack.runtime.ceph.worker"
#: Where nobody answers, Ceph's library would try for five minutes.
TIMEOUT_S = 10
_REFUSED = (errno.EACCES, errno.EPERM, errno.ENOENT)


def refusal(ceph: Ceph, number: int, text: str) -> DebstackError:
    """Return the error that tells why Ceph cannot be used, by its own `number` and `text`. Pure."""
    where = ", ".join(ceph.monitors)
    if abs(number) == errno.ETIMEDOUT:
        return CephUnavailable(
            f"Ceph: no monitor answers at {where} ({text})",
            hint=f"see that they run, and that this machine reaches them; or correct {MONITORS},"
            " then run: debstack apply",
        )
    if abs(number) in _REFUSED:
        return AnswerError(
            KEY,
            f"Ceph at {where} does not let client.{ceph.user} in with it ({text})",
            hint=f"on a node of Ceph: ceph auth get-key client.{ceph.user}; here: debstack secrets"
            f" set {KEY}; then: debstack apply",
        )
    return ConfigurationError(
        f"Ceph at {where}: {text}", hint="put that right there, then run: debstack apply"
    )


def missing_pool(ceph: Ceph, pool: str, question: str, there: Sequence[str]) -> ConfigurationError:
    """Return the error that tells that a pool is not there. Pure."""
    found = f"there are {', '.join(there)}" if there else "there is none at all"
    return ConfigurationError(
        f"Ceph at {', '.join(ceph.monitors)}: no pool {pool}, for {question}; {found}",
        hint=f"on a node of Ceph: ceph osd pool create {pool} && rbd pool init {pool}; or give"
        " another name, see: debstack answers show; then: debstack apply",
    )


def pools(ceph: Ceph, user: str) -> tuple[str, ...]:
    """Return the names of the pools, as the system user `user` finds them. Raises DebstackError."""
    argv = [sys.executable, "-m", _MODULE, ceph.user, files.conf_path(user), str(TIMEOUT_S)]
    told = run(
        argv,
        env={"PYTHONDONTWRITEBYTECODE": "1"},
        as_user=user,
        cwd=Path("/"),
        timeout_s=6 * TIMEOUT_S,
        secrets=[ceph.key],
        hint="put right what it tells, then run: debstack apply",
    )
    found = json.loads(told.stdout)
    if "pools" not in found:
        raise refusal(ceph, found["errno"], found["error"])
    return tuple(found["pools"])
