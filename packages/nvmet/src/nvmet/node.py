# SPDX-License-Identifier: Apache-2.0
"""What all objects of an NVMe target have in common, and the checks of names and numbers."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from nvmet import kernel, tree
from nvmet.tree import CFSError, CFSNotFound

Attributes = Mapping[str, tuple[str, ...]]
#: NVM Express Base Specification, NVMe Qualified Names.
_NQN_LENGTH = 223
_DISCOVERY = "nqn.2014-08.org.nvmexpress.discovery"


@contextmanager
def removed_if_it_fails(made: Node, *, about: str = "") -> Iterator[None]:
    """Leave no half of an object that is new; errors tell what it is `about`."""
    try:
        yield
    except CFSError as error:
        if made.new:
            made.remove()
        raise CFSError(f"{error}; {about}" if about else str(error)) from error


class Node:
    """A directory of configfs."""

    #: Prefixes of attributes, up to the underscore, that `dump` has, with their names.
    attributes: ClassVar[Attributes] = {}

    def __init__(self, path: Path, mode: str) -> None:
        if mode not in tree.MODES:
            raise CFSError(f"mode: expected {', '.join(tree.MODES)}, found {mode}")
        self._path = path
        there = path.is_dir()
        if mode == "lookup" and not there:
            raise CFSNotFound(f"{path}: there is none")
        if mode == "create" and there:
            raise CFSError(f"{path}: there is one already")
        #: Whether it was made here.
        self.new = not there
        if self.new:
            kernel.ensure()
            tree.make(path)

    @property
    def path(self) -> str:
        """Its directory."""
        return str(self._path)

    @property
    def exists(self) -> bool:
        """Whether the kernel has it."""
        return self._path.is_dir()

    def get_attr(self, group: str, attribute: str) -> str:
        """Return the attribute `attribute` of `group`, such as device and path."""
        return tree.read(self._path / f"{group}_{attribute}")

    def set_attr(self, group: str, attribute: str, value: object) -> None:
        """Set the attribute `attribute` of `group`."""
        tree.write(self._path / f"{group}_{attribute}", value)

    def get_enable(self) -> bool:
        """Return whether it is enabled."""
        return tree.read(self._path / "enable") == "1"

    def set_enable(self, value: int | bool) -> None:
        """Enable or disable it."""
        tree.write(self._path / "enable", int(value))

    def remove(self) -> None:
        """Remove it, and what belongs to it; leave what is written down as it is."""
        tree.remove(self._path)

    def set_groups(self, data: Mapping[str, Any]) -> None:
        """Set those of its attributes that `data` has."""
        for group in self.attributes:
            for attribute, value in data.get(group, {}).items():
                self.set_attr(group, attribute, value)

    def groups(self) -> dict[str, Any]:
        """Return those attributes that this kernel has."""
        return {
            group: {
                name: tree.read(file)
                for name in names
                if (file := self._path / f"{group}_{name}").exists()
            }
            for group, names in self.attributes.items()
        }


def named(nqn: str | None, mode: str) -> str:
    """Return a name for a subsystem or a host; a new one gets a new one. Raises CFSError."""
    if nqn is None:
        if mode != "create":
            raise CFSError(f"nqn: needed for the mode {mode}")
        return f"nqn.2014-08.org.nvmexpress:uuid:{uuid.uuid4()}"
    bad = not nqn.startswith("nqn.") or len(nqn) > _NQN_LENGTH or nqn == _DISCOVERY
    # What others have made may be called otherwise.
    if not nqn or "/" in nqn or (bad and mode != "lookup"):
        raise CFSError(
            f"nqn: expected nqn.YEAR-MONTH.DOMAIN:NAME, of at most {_NQN_LENGTH} characters, "
            f"found {nqn}"
        )
    return nqn


def numbered(text: int | str, what: str, mode: str, highest: int, lowest: int = 1) -> int:
    """Return a number; one that is to be made is at most `highest`. Raises CFSError."""
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0 or (mode != "lookup" and not lowest <= number <= highest):
        raise CFSError(f"{what}: expected {lowest} to {highest}, found {text}")
    return number


def free(used: list[str]) -> int:
    """Return the lowest number, from 1, that is not among `used`."""
    return next(number for number in range(1, len(used) + 2) if str(number) not in used)
