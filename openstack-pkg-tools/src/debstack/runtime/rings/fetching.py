# SPDX-License-Identifier: Apache-2.0
"""Fetching rings from the machine that makes them, with rsync, as the system user."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from debstack.base.errors import DebstackError, Retriable
from debstack.base.run import Result, run

_TIMEOUT_S = 60.0


class RingsUnavailable(DebstackError, Retriable):
    """The machine that makes the rings could not be reached, or has none yet."""


def fetch_argv(url: str, directory: str, *, dry_run: bool) -> list[str]:
    """Return the command that fetches into `directory` and prints the names of what differs."""
    options = ["--dirs", "--times", "--omit-dir-times", "--out-format=%n"]
    options += ["--contimeout=5", "--timeout=20"]
    options += ["--dry-run"] if dry_run else []
    return ["rsync", *options, "--include=*.ring.gz", "--exclude=*", url, f"{directory}/"]


def _fetch(url: str, directory: Path, user: str, *, dry_run: bool) -> Result:
    argv = fetch_argv(url, str(directory), dry_run=dry_run)
    return run(argv, check=False, as_user=user, cwd=Path("/"), timeout_s=_TIMEOUT_S)


def differing(url: str, directory: Path, user: str) -> tuple[str, ...]:
    """Return the names of the rings that are others at `url`. Raises RingsUnavailable."""
    told = _fetch(url, directory, user, dry_run=True)
    if told.code != 0:
        raise RingsUnavailable(
            f"{url}: no rings can be fetched: {_last(told.stderr)}",
            hint="on the machine that has the rings, name the devices of this one: debstack rings"
            " add ADDRESS/DEVICE; then run here: debstack apply",
        )
    return tuple(name for name in told.stdout.split() if name.endswith(".ring.gz"))


def fetch(url: str, directory: Path, user: str) -> None:
    """Fetch the rings at `url` that are others there. Raises RingsUnavailable."""
    told = _fetch(url, directory, user, dry_run=False)
    if told.code != 0:
        raise RingsUnavailable(
            f"{url}: no rings can be fetched: {_last(told.stderr)}",
            hint="see whether swift-rsync runs there; then run here: debstack apply",
        )


def _last(text: str) -> str:
    lines: Sequence[str] = [line for line in text.splitlines() if line.strip()]
    return lines[0] if lines else "rsync does not say why"
