# SPDX-License-Identifier: Apache-2.0
"""The one door for running commands; the only module that imports subprocess."""

from __future__ import annotations

import logging
import os
import re
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

from debstack.base.errors import CommandError
from debstack.base.secret import MASK

log = logging.getLogger(__name__)

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TAIL_LINES = 10
DEFAULT_TIMEOUT_S = 600.0
_EXCEPTION = re.compile(r"\b[A-Z]\w*(Error|Exception): ")


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What a finished command left: its exit code and captured text."""

    code: int
    stdout: str
    stderr: str


def lean_environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the small environment commands run in: a fixed PATH and locale, plus `extra`."""
    environment = {"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": "/root"}
    environment.update(extra or {})
    return environment


def as_user_argv(argv: Sequence[str], user: str | None) -> list[str]:
    """Return `argv` prefixed so that it runs as `user`; unchanged where user is None."""
    return list(argv) if user is None else ["runuser", "-u", user, "--", *argv]


def masked(text: str, secrets: Sequence[str]) -> str:
    """Return `text` with every one of `secrets` replaced by asterisks, longest first."""
    for secret in sorted((s for s in secrets if s), key=len, reverse=True):
        text = text.replace(secret, MASK)
    return text


def telling(lines: Sequence[str]) -> list[str]:
    """Return the last ten of `lines`; with the one that names the exception, if that is before.

    What SQLAlchemy raises ends with the statement, which may be longer than that.
    """
    named = [line for line in lines if _EXCEPTION.search(line)][-1:]
    tail = list(lines[-TAIL_LINES:])
    return tail if not named or named[0] in tail else [*named, *tail]


def _reason(quoted: str, code: int) -> str:
    if code < 0:
        return f"{quoted}: killed by {signal.Signals(-code).name}"
    return f"{quoted}: exit code {code}"


def run(
    argv: Sequence[str | os.PathLike[str]],
    *,
    check: bool = True,
    input: str | None = None,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    timeout_s: float | None = DEFAULT_TIMEOUT_S,
    as_user: str | None = None,
    secrets: Sequence[str] = (),
    hint: str | None = None,
) -> Result:
    """Run `argv` and return its Result; stdin is empty unless `input` is given.

    `env` is added to a small environment (nothing is inherited); `secrets` are masked in messages;
    `as_user` runs it with that user's rights. Raises CommandError where the command cannot be
    started or does not end within `timeout_s` seconds and, with `check`, where its exit code is
    not 0; the error names the command and its last lines, and carries `hint`.
    """
    command = as_user_argv([os.fspath(a) for a in argv], as_user)
    quoted = masked(shlex.join(command), secrets)
    log.debug("running %s", quoted)
    try:
        done = subprocess.run(
            command,
            input=input,
            stdin=subprocess.DEVNULL if input is None else None,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            env=lean_environment(env),
            cwd=cwd,
            timeout=timeout_s,
            check=False,
        )
    except FileNotFoundError as error:
        raise CommandError(
            command, 127, [], reason=f"{quoted}: {error.filename} not found", hint=hint
        ) from error
    except subprocess.TimeoutExpired as error:
        raise CommandError(
            command, 124, [], reason=f"{quoted}: no end after {timeout_s:.0f} s", hint=hint
        ) from error
    result = Result(
        code=done.returncode,
        stdout=done.stdout,
        stderr=done.stderr,
    )
    if check and result.code != 0:
        lines = masked(result.stderr + result.stdout, secrets).strip().splitlines()
        raise CommandError(
            command, result.code, telling(lines), reason=_reason(quoted, result.code), hint=hint
        )
    return result


def ends(
    argv: Sequence[str], *, in_vain: Callable[[], bool], look_s: float, limit_s: float
) -> int | None:
    """Run `argv` until it ends, and return its exit code; what it prints is dropped.

    It is killed, and None returned, once `in_vain` says that nothing more is to be waited for, or
    after `limit_s` seconds. It is asked after `look_s` seconds, and then ever more seldom, down to
    once in five times as long. Raises CommandError where `argv` cannot be started.
    """
    log.debug("running %s", shlex.join(argv))
    deadline = time.monotonic() + limit_s
    pause_s = look_s
    out, nothing = subprocess.PIPE, subprocess.DEVNULL
    try:
        process = subprocess.Popen(
            argv, stdin=nothing, stdout=out, stderr=nothing, env=lean_environment()
        )
    except FileNotFoundError as error:
        raise CommandError(argv, 127, [], reason=f"{argv[0]}: not found", hint=None) from error
    with process:
        try:
            while (left_s := deadline - time.monotonic()) > 0:
                with suppress(subprocess.TimeoutExpired):
                    # That it ends is seen at the pipe, at once; wait() would look now and then.
                    process.communicate(timeout=min(pause_s, left_s))
                    return process.returncode
                if in_vain():
                    break
                pause_s = min(2 * pause_s, 5 * look_s)
        finally:
            process.kill()
    return None


def replace_process(argv: Sequence[str], *, env: Mapping[str, str] | None = None) -> NoReturn:
    """Become the command `argv`, terminal and all; raises CommandError where it is not found."""
    try:
        os.execvpe(argv[0], list(argv), lean_environment(env))  # noqa: S606 - no shell, a list
    except FileNotFoundError as error:
        raise CommandError(argv, 127, [], reason=f"{argv[0]}: not found", hint=None) from error
