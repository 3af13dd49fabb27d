# SPDX-License-Identifier: Apache-2.0
"""A person at debconf's readline front end, for tests: reads the questions, types the answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import pexpect

from testbed.node import Node

#: "page up", which the front end takes as previous-question. (readline takes control-U from it.)
BACK = "\x1b[5~"
_CLEAR = "\x01\x0b"  # to the start of the line, and cut what stands there
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x07")


class Person:
    """Drives `argv` in a booted node; it must end before the deadline `timeout_s`."""

    def __init__(
        self,
        node: Node,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 180,
    ) -> None:
        environment = {"DEBIAN_FRONTEND": "readline", "TERM": "dumb", **(env or {})}
        words = node.spawn_argv(argv, env=environment)
        self._child: pexpect.spawn = pexpect.spawn(
            words[0],
            list(words[1:]),
            timeout=timeout_s,
            encoding="utf-8",
            dimensions=(500, 160),
        )
        self._seen: list[str] = []

    def _take(self) -> None:
        after = self._child.after if isinstance(self._child.after, str) else ""
        self._seen.append((self._child.before or "") + after)

    def reads(self, text: str) -> None:
        """Wait until `text` (not a pattern) stands on the screen."""
        try:
            self._child.expect_exact(text)
        except pexpect.ExceptionPexpect as error:
            self._seen.append(self._child.before or "")
            raise AssertionError(f"never shown: {text!r}; shown:\n{self.screen()}") from error
        self._take()

    def types(self, answer: str) -> None:
        """Put `answer` in the place of what stands in the line, and press return."""
        self._child.send(f"{_CLEAR}{answer}\r")

    def presses(self, key: str) -> None:
        """Press one key."""
        self._child.send(key)

    def answers(self, question: str, answer: str) -> None:
        """Wait for the prompt `question` and answer it."""
        self.reads(question)
        self.types(answer)

    def confirms(self, question: str) -> None:
        """Wait for the prompt `question` and take what it proposes."""
        self.reads(question)
        self._child.send("\r")

    def answers_all(self, answers: Mapping[str, str], prompts: Sequence[str]) -> list[str]:
        """Answer questions in whatever order they come until the program ends; return the order.

        `prompts` are all that may come; those without an answer are confirmed as they stand.
        """
        order: list[str] = []
        while True:
            found = self._child.expect_exact([pexpect.EOF, *prompts])
            self._take()
            if found == 0:
                return order
            prompt = prompts[found - 1]
            order.append(prompt)
            if prompt in answers:
                self.types(answers[prompt])
            else:
                self._child.send("\r")

    def sees_the_end(self) -> int:
        """Wait until the program ends; return its exit code."""
        self._child.expect(pexpect.EOF)
        self._take()
        return self.exit_code()

    def exit_code(self) -> int:
        """Return the exit code of the program, which has ended."""
        self._child.close()
        return int(self._child.exitstatus if self._child.exitstatus is not None else -1)

    def screen(self) -> str:
        """Return all that was shown, without escape sequences."""
        return _ESCAPE.sub("", "".join(self._seen)).replace("\r", "")
