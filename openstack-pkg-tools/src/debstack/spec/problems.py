# SPDX-License-Identifier: Apache-2.0
"""The list that problems of a declaration are collected in, and the checks of plain values."""

from __future__ import annotations

import re
from collections.abc import Sequence

from debstack.spec.load import quoted


class Problems:
    """Problems found so far, each as `key path: what is wrong`."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def add(self, where: str, what: str) -> None:
        """Note that `what` is wrong at the key path `where`."""
        self.found.append(f"{where}: {what}")

    def name(self, where: str, value: str, pattern: re.Pattern[str], kind: str) -> None:
        """Note a problem unless all of `value` matches `pattern`; `kind` says what it is."""
        if not pattern.fullmatch(value):
            self.add(where, f"expected {kind} ({pattern.pattern}), got {quoted(value)}")

    def port(self, where: str, value: int) -> None:
        """Note a problem unless `value` is a TCP port."""
        if not 1 <= value <= 65535:
            self.add(where, f"expected a port from 1 to 65535, got {value}")

    def path(self, where: str, value: str) -> None:
        """Note a problem unless `value` is an absolute, normal path of plain characters."""
        normal = not {"", ".", ".."} & set(value.split("/")[1:])
        if not value.startswith("/") or not normal or re.search(r"[^A-Za-z0-9_./+@-]", value):
            self.add(where, f"expected an absolute path, got {quoted(value)}")

    def command(self, where: str, value: Sequence[str]) -> None:
        """Note a problem unless `value` is a command: a program and its arguments."""
        if not value or not value[0].strip():
            self.add(where, "expected a command: a list of the program and its arguments")
        for n, word in enumerate(value):
            if "\n" in word:
                self.add(f"{where}[{n}]", "expected a single line")
