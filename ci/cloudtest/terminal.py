# SPDX-License-Identifier: Apache-2.0
"""A person at one of debconf's front ends, for tests: reads the questions, types the answers."""

from __future__ import annotations

import re
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence

import pexpect
import pyte

from testbed.node import Node

#: "page up", which readline's front end takes as previous-question. (It takes control-U itself.)
_PAGE_UP = "\x1b[5~"
_ESCAPE = "\x1b"
_ENTER = "\r"
_CLEAR_LINE = "\x01\x0b"  # to the start of the line, and cut what stands there
_CLEAR_FIELD = "\x05\x15"  # to its end, and cut what stands before: in windows
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x07")
_OTHER_BUTTON = "\t\r"
#: The answer of debconf's that a person gives as "no".
NO = "false"
#: What a window is drawn with; a text in it may go on in the next line.
_FRAME = re.compile(r"[\s│|]+")


#: How a question is known on a screen: the package in the title, and the summary.
Shown = tuple[str, str]
_TITLE = re.compile(r"^Configuring (\S+)$", re.M)


class _Terminal(ABC):
    """A program `argv` in a booted node, at a terminal; it must end before `timeout_s`."""

    #: The key that goes back to the question before.
    back: str
    #: What empties the line or field that an answer is typed in.
    _clear: str

    def __init__(
        self,
        node: Node,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        timeout_s: float,
        dimensions: tuple[int, int],
    ) -> None:
        words = node.spawn_argv(argv, env=env)
        self._child: pexpect.spawn = pexpect.spawn(
            words[0],
            list(words[1:]),
            timeout=timeout_s,
            encoding="utf-8",
            dimensions=dimensions,
        )

    @abstractmethod
    def reads(self, text: str) -> None:
        """Wait until `text` (not a pattern) stands on the screen."""

    @abstractmethod
    def answers_each(
        self, answers: Mapping[str, str], questions: Mapping[Shown, str], *, after: str = ""
    ) -> list[str]:
        """Answer questions until the program ends; return their names, in order.

        `questions` are all that may come, with their names. One without an answer in `answers`, by
        name, is confirmed as it stands; NO is for one that proposes yes. `after` was answered last,
        and may still be seen.
        """

    @abstractmethod
    def declines(self) -> None:
        """Say no, where yes is proposed."""

    @abstractmethod
    def screen(self) -> str:
        """Return what a person has before them."""

    def _takes(self, name: str, answers: Mapping[str, str]) -> None:
        """Answer the question `name`, which waits."""
        if name not in answers:
            self._child.send(_ENTER)
        elif answers[name] == NO:
            self.declines()
        else:
            self.types(answers[name])

    def types(self, answer: str) -> None:
        """Put `answer` in the place of what stands there, and press return."""
        self._child.send(f"{self._clear}{answer}{_ENTER}")

    def goes_back(self) -> None:
        """Press the key for the question before."""
        self._child.send(self.back)

    def answers(self, question: str, answer: str) -> None:
        """Wait for the prompt `question` and answer it."""
        self.reads(question)
        self.types(answer)

    def confirms(self, question: str) -> None:
        """Wait for the prompt `question` and take what it proposes."""
        self.reads(question)
        self._child.send(_ENTER)

    def exit_code(self) -> int:
        """Return the exit code of the program, which has ended."""
        self._child.close()
        return int(self._child.exitstatus if self._child.exitstatus is not None else -1)


class Person(_Terminal):
    """At the front end readline, or at another that writes line after line."""

    back = _PAGE_UP

    def __init__(
        self,
        node: Node,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 180,
    ) -> None:
        environment = {"DEBIAN_FRONTEND": "readline", "TERM": "dumb", **(env or {})}
        super().__init__(node, argv, environment, timeout_s=timeout_s, dimensions=(500, 160))
        # What a line has in it already, only readline lets one edit.
        self._clear = _CLEAR_LINE if environment["DEBIAN_FRONTEND"] == "readline" else ""
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

    def declines(self) -> None:
        """Say no, where yes is proposed."""
        self.types("no")

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

    def answers_each(
        self, answers: Mapping[str, str], questions: Mapping[Shown, str], *, after: str = ""
    ) -> list[str]:
        """Answer questions until the program ends; see _Terminal."""
        prompts = sorted({summary for _, summary in questions})
        order: list[str] = []
        while found := self._child.expect_exact([pexpect.EOF, *prompts]):
            self._take()
            # It is written above the first question of a package alone.
            package = _TITLE.findall(self.screen())[-1]
            order.append(questions[package, prompts[found - 1]])
            self._takes(order[-1], answers)
        self._take()
        return order

    def sees_the_end(self) -> int:
        """Wait until the program ends; return its exit code."""
        self._child.expect(pexpect.EOF)
        self._take()
        return self.exit_code()

    def screen(self) -> str:
        """Return all that was shown, without escape sequences."""
        return _ESCAPES.sub("", "".join(self._seen)).replace("\r", "")


class Viewer(_Terminal):
    """At the front end dialog, which draws windows on a screen of 40 lines."""

    back = _ESCAPE
    _clear = _CLEAR_FIELD

    def __init__(
        self,
        node: Node,
        argv: Sequence[str],
        env: Mapping[str, str] | None = None,
        *,
        timeout_s: float = 60,
    ) -> None:
        environment = {"DEBIAN_FRONTEND": "dialog", "TERM": "xterm", **(env or {})}
        lines, columns = 40, 100
        dimensions = (lines, columns)
        super().__init__(node, argv, environment, timeout_s=timeout_s, dimensions=dimensions)
        self._timeout_s = timeout_s
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.Stream(self._screen)

    def _looks(self) -> bool:
        """Take what comes until nothing does for a moment; return whether the program goes on."""
        while True:
            try:
                self._stream.feed(self._child.read_nonblocking(4096, timeout=0.5))
            except pexpect.TIMEOUT:
                return True
            except pexpect.EOF:
                return False

    def screen(self) -> str:
        """Return the text that stands on the screen, in one line."""
        return _FRAME.sub(" ", " ".join(self._screen.display))

    def reads(self, text: str) -> None:
        """Wait until `text` (not a pattern) stands on the screen, and the drawing is done."""
        deadline = time.monotonic() + self._timeout_s
        while self._looks():
            if text in self.screen():
                return
            if time.monotonic() > deadline:
                raise AssertionError(f"never shown: {text!r}; shown: {self.screen()}")
        raise AssertionError(f"ended without {text!r}; shown: {self.screen()}")

    def declines(self) -> None:
        """Say no, where yes is proposed."""
        self._child.send(_OTHER_BUTTON)

    def answers_each(
        self, answers: Mapping[str, str], questions: Mapping[Shown, str], *, after: str = ""
    ) -> list[str]:
        """Answer questions until the program ends; see _Terminal."""
        deadline = time.monotonic() + self._timeout_s
        order = [after]
        while self._looks():
            screen = self.screen()
            if time.monotonic() > deadline:
                raise AssertionError(f"no end after: {order}; shown: {screen}")
            for (package, summary), name in questions.items():
                if f"Configuring {package} " not in screen or summary not in screen:
                    continue
                # The last window stands there until what follows has pushed it off the screen.
                if name != order[-1]:
                    order.append(name)
                    self._takes(name, answers)
                break
        return order[1:]

    def confirms_the_rest(self) -> list[str]:
        """Take what each window proposes until the program ends; return what the windows said."""
        deadline = time.monotonic() + self._timeout_s
        seen: list[str] = []
        while self._looks():
            if time.monotonic() > deadline:
                raise AssertionError(f"no end after: {seen}")
            if not seen or seen[-1] != self.screen():
                seen.append(self.screen())
                self._child.send(_ENTER)
        return seen
