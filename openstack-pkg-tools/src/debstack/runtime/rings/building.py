# SPDX-License-Identifier: Apache-2.0
"""Having rings made, or read, by a process that is the system user's and has Swift's library."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from debstack.base.errors import ConfigurationError
from debstack.base.run import run
from debstack.runtime.rings import messages
from debstack.runtime.site import RingsSite
from debstack.spec.vocabulary import Rings

_MODULE = "debstack.runtime.rings.worker"
_TIMEOUT_S = 1800.0


def asked(
    directory: Path, rings: Rings, site: RingsSite, *, act: bool = False, read: bool = False
) -> messages.Request:
    """Return the request for `rings`, which are in `directory` and are to be as `site` says."""
    return messages.Request(
        directory=str(directory),
        rings={name: ring.port for name, ring in rings.ring.items()},
        devices=site.devices,
        replicas=site.replicas,
        part_power=site.part_power,
        limit=site.limit,
        act=act,
        read=read,
    )


def worked(request: messages.Request, user: str) -> tuple[messages.Outcome, ...]:
    """Return what came of `request`, done as `user`. Raises CommandError, ConfigurationError."""
    # Hashes have a part in what a rebalance moves: what is planned must be what is done.
    environment = {"PYTHONHASHSEED": "0", "PYTHONDONTWRITEBYTECODE": "1"}
    argv = [sys.executable, "-m", _MODULE]
    done = run(
        argv,
        input=request.text(),
        env=environment,
        as_user=user,
        cwd=Path("/"),
        timeout_s=_TIMEOUT_S,
        hint=f"look at what is in {request.directory}; then run: debstack apply",
    )
    try:
        return messages.outcomes(done.stdout)
    except (json.JSONDecodeError, TypeError) as error:
        raise ConfigurationError(f"{_MODULE} does not tell what it did: {error}") from error
