# SPDX-License-Identifier: Apache-2.0
"""Files in the format of debconf-set-selections: read, and changed without losing a line.

A line is `<owner> <question> <type> <value>`; exactly one blank separates type and value, so that a
value may begin with blanks. Comments, empty lines and lines not understood stay as they are.

A line that ends in a backslash is joined with the next one, as debconf-set-selections does. A value
that itself ends in a backslash therefore has a comment behind it (LITERAL) that says so; for
debconf-set-selections such a line would have to be the last one of its file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from debstack.base.errors import AnswerError

_LINE = re.compile(r"\s*(?P<owner>\S+)\s+(?P<name>\S+)\s+(?P<type>\S+)(?:\s(?P<value>.*))?", re.S)

#: debconf's types of questions that have an answer.
TYPES = ("boolean", "multiselect", "password", "select", "string")
#: Its types of what is only shown; debconf-get-selections prints them too.
SHOWN_ONLY = ("error", "note", "text", "title")
_ANSWER = re.compile(rf"\s*[\w.+-]+\s+[\w.+-]+/\S+\s+({'|'.join(TYPES)})(\s|$)")

_SEEN = re.compile(r"\s*[^\s#]\S*\s+(?P<name>\S+)\s+seen\b.*", re.S)

LITERAL = "# (the value above ends in a backslash)"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One answer: the package that owns the question, its name, debconf's type, and the value."""

    owner: str
    name: str
    type: str
    value: str = field(repr=False)

    def text(self) -> str:
        """Return the line, without its end, and LITERAL behind a value that ends in a backslash.

        Raises AnswerError for a value of several lines.
        """
        if "\n" in self.value or "\r" in self.value:
            raise AnswerError(self.name, "a value of more than one line cannot be kept")
        head = f"{self.owner} {self.name} {self.type}"
        tail = f"\n{LITERAL}" if self.value.endswith("\\") else ""
        return f"{head} {self.value}{tail}" if self.value else head


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Lines as they stand in the file, and the entry they hold, if they hold one."""

    text: str
    line: int
    entry: Entry | None


def _logical_lines(text: str) -> Iterator[tuple[int, str, str]]:
    """Yield line number, raw text and joined text of each line that continuation lines make up."""
    raw: list[str] = []
    joined = ""
    start = 1
    lines = text.split("\n")
    if lines and not lines[-1]:
        lines.pop()
    for number, line in enumerate(lines, 1):
        if not raw:
            start = number
        raw.append(line)
        if not (joined and line == LITERAL):
            joined += line.removesuffix("\r")
            following = lines[number : number + 1]
            if joined.endswith("\\") and following:
                joined = joined if following == [LITERAL] else joined[:-1]
                continue
        yield start, "\n".join(raw), joined
        raw, joined = [], ""


def _entry(joined: str) -> Entry | None:
    if not joined.strip() or joined.lstrip().startswith("#"):
        return None
    match = _LINE.fullmatch(joined)
    if match is None or match["type"] == "seen":
        return None
    return Entry(
        owner=match["owner"], name=match["name"], type=match["type"], value=match["value"] or ""
    )


class Preseed:
    """The content of a preseed file, as something that can be looked up and changed."""

    def __init__(self, blocks: tuple[_Block, ...] = ()) -> None:
        self._blocks = blocks

    @classmethod
    def parse(cls, text: str) -> Preseed:
        """Return the content of `text`; nothing in it is an error."""
        return cls(
            tuple(
                _Block(text=raw, line=number, entry=_entry(joined))
                for number, raw, joined in _logical_lines(text)
            )
        )

    def entries(self) -> dict[str, Entry]:
        """Return question name to entry; of several lines for one question, the last one counts."""
        return {b.entry.name: b.entry for b in self._blocks if b.entry is not None}

    def values(self) -> dict[str, str]:
        """Return question name to value."""
        return {name: entry.value for name, entry in self.entries().items()}

    def numbered(self) -> list[tuple[int, Entry]]:
        """Return line number and entry of every answer, in the order of the file."""
        return [(b.line, b.entry) for b in self._blocks if b.entry is not None]

    def flags(self) -> list[tuple[str, str]]:
        """Return question and text of each line that says whether a question was seen."""
        found = [(_SEEN.fullmatch(b.text), b.text) for b in self._blocks if b.entry is None]
        return [(match["name"], text) for match, text in found if match is not None]

    def swallowed(self) -> list[int]:
        """Return the numbers of lines that look like answers, but continue the line before."""
        return [
            block.line + offset
            for block in self._blocks
            if block.entry is not None
            for offset, text in enumerate(block.text.split("\n"))
            if offset and _ANSWER.match(text)
        ]

    def line_of(self, name: str) -> int:
        """Return the number of the line that answers `name`, from 1; 0 if none does."""
        numbers = [b.line for b in self._blocks if b.entry is not None and b.entry.name == name]
        return numbers[-1] if numbers else 0

    def not_understood(self) -> list[tuple[int, str]]:
        """Return number and text of lines that are neither comment, nor empty, nor an answer."""
        return [
            (block.line, block.text)
            for block in self._blocks
            if block.entry is None
            and block.text.strip()
            and not block.text.lstrip().startswith("#")
            and not _SEEN.fullmatch(block.text)
        ]

    def updated(self, wanted: Mapping[str, Entry | None]) -> Preseed:
        """Return this with each entry of `wanted` in the place of its old line, or at the end.

        None removes a question's lines. Every other line stays as it is.
        """
        pending = dict(wanted)
        blocks: list[_Block] = []
        for block in reversed(self._blocks):
            name = block.entry.name if block.entry else ""
            if name not in wanted:
                blocks.append(block)
                continue
            entry = pending.pop(name, None)
            if entry is None:
                continue  # removed, or an earlier line that the one already seen overrides
            if entry == block.entry:
                blocks.append(block)
            else:
                blocks.append(_Block(text=entry.text(), line=0, entry=entry))
        blocks.reverse()
        blocks.extend(
            _Block(text=entry.text(), line=0, entry=entry)
            for name, entry in pending.items()
            if entry is not None
        )
        return Preseed(tuple(blocks))

    def render(self) -> str:
        """Return the text of the file."""
        return "".join(f"{block.text}\n" for block in self._blocks)
