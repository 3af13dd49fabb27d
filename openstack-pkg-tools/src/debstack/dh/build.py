# SPDX-License-Identifier: Apache-2.0
"""Writing into the tree that a binary package is built from, and into debhelper's files."""

from __future__ import annotations

import sys
from pathlib import Path

from debian.substvars import Substvars

DEBIAN = Path("debian")
_BEGIN = "# Automatically added by {tool}\n"
_END = "# End automatically added section\n"


class Build:
    """The build of the binary package `package`, by the helper `tool`; paths are below debian/."""

    def __init__(self, tool: str, package: str, *, verbose: bool, no_act: bool) -> None:
        self.tool = tool
        self.package = package
        self.tree = DEBIAN / package
        self._verbose = verbose
        self._no_act = no_act

    def _say(self, what: str) -> bool:
        """Say what is done if asked to, and return whether to do it."""
        if self._verbose or self._no_act:
            print(f"\t{what}", file=sys.stderr)
        return not self._no_act

    def has(self, absolute: str) -> bool:
        """Say whether the package already contains the file `absolute`."""
        return (self.tree / absolute.lstrip("/")).exists()

    def hand_written(self, *suffixes: str) -> Path | None:
        """Return the first of debian/<package>.<suffix> that exists, or None."""
        candidates = [DEBIAN / f"{self.package}.{suffix}" for suffix in suffixes]
        return next((path for path in candidates if path.is_file()), None)

    def install(self, absolute: str, text: str, mode: int = 0o644) -> None:
        """Make the file `absolute` of the package with `text`; one that is there already wins."""
        if self.has(absolute):
            self._say(f"keep {self.tree}{absolute}")
            return
        if self._say(f"install -m{mode:04o} {self.tree}{absolute}"):
            path = self.tree / absolute.lstrip("/")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            path.chmod(mode)

    def directory(self, absolute: str) -> None:
        """Make the directory `absolute` of the package."""
        if self._say(f"install -d {self.tree}{absolute}"):
            (self.tree / absolute.lstrip("/")).mkdir(parents=True, exist_ok=True)

    def control_file(self, name: str, text: str, mode: int) -> None:
        """Make DEBIAN/`name` of the package."""
        self.install(f"/DEBIAN/{name}", text, mode)

    def snippet(self, script: str, text: str) -> None:
        """Add `text` to the maintainer script `script`, as debhelper's autoscript does.

        What removes comes before what others added, so that it runs in reverse order.
        """
        path = DEBIAN / f"{self.package}.{script}.debhelper"
        if not self._say(f"add a snippet to {path}"):
            return
        before = path.read_text(encoding="utf-8") if path.is_file() else ""
        section = _BEGIN.format(tool=self.tool) + text + _END
        ordered = section + before if script in ("prerm", "postrm") else before + section
        path.write_text(ordered, encoding="utf-8")

    def depend(self, relation: str) -> None:
        """Add `relation` to ${misc:Depends}."""
        path = DEBIAN / f"{self.package}.substvars"
        if self._say(f"misc:Depends of {self.package}: {relation}"):
            with Substvars.load_from_path(str(path), missing_ok=True) as substvars:
                substvars.add_dependency("misc:Depends", relation)
