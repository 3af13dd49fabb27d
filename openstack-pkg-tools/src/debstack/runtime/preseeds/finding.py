# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a line of a preseed file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from enum import StrEnum


class Severity(StrEnum):
    """Whether a line does harm or only looks so."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A line, and what is wrong with it. No password is ever part of one."""

    line: int
    #: The question, or the whole line where it cannot be told.
    question: str
    #: What is wrong, without the value.
    message: str
    severity: Severity = Severity.ERROR
    #: The value found; None for a password, and where the value does not matter.
    found: str | None = None
    #: What the question accepts, in words.
    accepted: str = ""
    #: The question that was probably meant.
    suggestion: str = ""

    def text(self, where: str) -> str:
        """Return it as one line, with the file's name `where` in front."""
        found = "" if self.found is None else f', found "{self.found}"'
        meant = f' (did you mean "{self.suggestion}"?)' if self.suggestion else ""
        return f"{where}:{self.line}: {self.question}: {self.message}{found}{meant}"

    def plain(self) -> Mapping[str, object]:
        """Return it for JSON: the fields, without those that say nothing."""
        return {key: value for key, value in asdict(self).items() if value not in (None, "")}
