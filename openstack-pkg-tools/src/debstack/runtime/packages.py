# SPDX-License-Identifier: Apache-2.0
"""Which packages dpkg has not configured yet, and which are missing."""

from __future__ import annotations

import os
from collections.abc import Iterable

from debstack.base.errors import ConfigurationError
from debstack.base.run import run

OWN = "debstack"
#: Set by dpkg for the scripts of a run (dpkg(1)); dpkg-reconfigure runs scripts without it.
_IN_A_RUN = "DPKG_RUNNING_VERSION"
#: States of dpkg(1) in which a package's postinst has yet to run, and will activate our trigger.
_UNCONFIGURED = frozenset({"half-installed", "unpacked", "half-configured"})


def in_dpkg_run() -> bool:
    """Say whether dpkg runs this process's maintainer script, and goes on after it."""
    return _IN_A_RUN in os.environ


def status_argv(binaries: Iterable[str]) -> list[str]:
    """Return the command that prints each of `binaries` with its state, a line each."""
    show = "--showformat=${Package} ${db:Status-Status}\\n"
    return ["dpkg-query", "--show", show, *sorted(binaries)]


def waiting_in(listing: str) -> tuple[str, ...]:
    """Return the packages of `listing` (of `status_argv`) that are still to be configured."""
    pairs = (line.split() for line in listing.splitlines())
    return tuple(name for name, state in pairs if state in _UNCONFIGURED)


def unconfigured(binaries: Iterable[str]) -> tuple[str, ...]:
    """Return those of `binaries` that dpkg has unpacked and not configured yet, sorted.

    debstack itself is never among them: it is its own script that asks.
    """
    asked = set(binaries) - {OWN}
    if not asked:
        return ()
    # Exit code 1 says that some are not known to dpkg; the others are printed all the same.
    return waiting_in(run(status_argv(asked), check=False).stdout)


def missing_in(listing: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return those of `names` that `listing` (of `status_argv`) does not have installed, sorted."""
    pairs = (line.split() for line in listing.splitlines())
    return tuple(sorted(set(names) - {name for name, state in pairs if state == "installed"}))


def require(names: Iterable[str], what: str) -> None:
    """Raise ConfigurationError where one of the packages `names` is missing, which `what` needs."""
    asked = set(names)
    if not asked:
        return
    missing = missing_in(run(status_argv(asked), check=False).stdout, asked)
    if missing:
        raise ConfigurationError(
            f"{what} needs {', '.join(missing)}, which is not installed",
            hint=f"run: apt-get install {' '.join(missing)}; then: debstack apply",
        )
