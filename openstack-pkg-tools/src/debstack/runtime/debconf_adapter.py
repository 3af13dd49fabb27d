# SPDX-License-Identifier: Apache-2.0
"""The only module that talks to debconf, in debconf's own line protocol (debconf-devel(7)).

Inside a maintainer script a frontend listens on descriptor 3 and answers on standard input; outside
one, debconf-communicate takes the same lines. STOP is never sent: the shell goes on talking.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from debstack.base.errors import DebstackError
from debstack.base.run import run
from debstack.runtime.take import DebconfAnswer

_OK = 0
_ESCAPED = 1
_FRONTEND_FD = 3


@dataclass(frozen=True, slots=True)
class Reply:
    """debconf's answer to a command: its code, and a text that may be a secret."""

    code: int
    text: str = field(repr=False)


class Channel(Protocol):
    """A way to send commands and get one reply for each."""

    def exchange(self, commands: Sequence[str]) -> list[Reply]:
        """Send `commands` and return their replies, in order. Raises DebstackError."""
        ...


def escape(value: str) -> str:
    """Return `value` as one word of a command, for a client with the capability `escape`."""
    text = value.replace("\\", "\\\\").replace("\n", "\\n")
    return text.replace(" ", "\\ ").replace("\t", "\\\t")


def unescape(text: str) -> str:
    """Return the value in an escaped reply."""
    parts = text.split("\\\\")
    return "\\".join(part.replace("\\n", "\n") for part in parts)


def parse_reply(line: str) -> Reply:
    """Return the reply in `line`. Raises DebstackError where it is none."""
    code, _, text = line.partition(" ")
    if not code.isdecimal():
        raise DebstackError("debconf: it answered with something that is not a reply")
    number = int(code)
    return Reply(number, unescape(text) if number == _ESCAPED else text)


class FrontendChannel:
    """The frontend that runs the maintainer script which called us."""

    def exchange(self, commands: Sequence[str]) -> list[Reply]:
        """Send each command and read its reply, byte by byte: what follows is not ours."""
        replies = []
        with os.fdopen(0, "rb", buffering=0, closefd=False) as answers:
            for command in commands:
                os.write(_FRONTEND_FD, f"{command}\n".encode(errors="surrogateescape"))
                line = answers.readline().decode(errors="surrogateescape").rstrip("\n")
                if not line:
                    raise DebstackError("debconf: the frontend has gone away")
                replies.append(parse_reply(line))
        return replies


class CommunicateChannel:
    """debconf-communicate: for when no maintainer script runs. Needs root."""

    def exchange(self, commands: Sequence[str]) -> list[Reply]:
        """Send all commands in one go. Raises DebstackError where debconf's database is in use."""
        lines = "".join(f"{command}\n" for command in commands)
        argv = ["debconf-communicate", "-fnoninteractive", "debstack"]
        # Its exit code is the last command's: what counts is that every command got a reply.
        done = run(argv, input=lines, check=False, timeout_s=60)
        replies = [parse_reply(line) for line in done.stdout.split("\n") if line]
        if len(replies) != len(commands):
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[0]
            raise DebstackError(
                f"debconf: its database cannot be used: {reason}",
                hint="wait until no other program installs or configures packages, then try again",
            )
        return replies


def frontend() -> FrontendChannel | None:
    """Return the channel to the frontend that a maintainer script runs under, if there is one."""
    if not os.environ.get("DEBIAN_HAS_FRONTEND"):
        return None
    try:
        os.fstat(_FRONTEND_FD)
    except OSError:
        return None
    return FrontendChannel()


def read_answers(channel: Channel, names: Iterable[str]) -> dict[str, DebconfAnswer]:
    """Return what debconf holds for those of `names` that it knows."""
    asked = list(names)
    commands = [f"{verb} {name}{flag}" for name in asked for verb, flag in _READ]
    replies = channel.exchange(["CAPB escape", *commands, "CAPB"])[1:-1]
    found = {}
    for name, value, seen in zip(asked, replies[::2], replies[1::2], strict=True):
        if value.code in (_OK, _ESCAPED):
            found[name] = DebconfAnswer(value=value.text, seen=seen.text == "true")
    return found


_READ = (("GET", ""), ("FGET", " seen"))


def write_answers(channel: Channel, values: Mapping[str, str | None]) -> None:
    """Set each question to its value and mark it as seen; None resets it to its default.

    Questions that debconf does not know are passed over: their package is not installed.
    """
    commands = []
    for name, value in values.items():
        if value is None:
            commands.append(f"RESET {name}")
        else:
            commands += [f"SET {name} {escape(value)}", f"FSET {name} seen true"]
    channel.exchange(["CAPB escape", *commands, "CAPB"])


def clear_passwords(channel: Channel, names: Iterable[str]) -> None:
    """Empty the values of the password questions `names`; that they were seen stays known."""
    channel.exchange([f"SET {name}" for name in names])
