# SPDX-License-Identifier: Apache-2.0
"""The requirements that an upstream release declares, as its sdist states them."""

from __future__ import annotations

import email.parser
import re
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.version import Version

from debstack.base.errors import DebstackError


def _member(archive: tarfile.TarFile, name: str) -> str:
    """Return the text of a file at the top of an sdist; empty if it has none."""
    for member in archive:
        if member.isfile() and re.fullmatch(rf"[^/]+/{re.escape(name)}", member.name):
            stream = archive.extractfile(member)
            return stream.read().decode("utf-8", errors="replace") if stream else ""
    return ""


def declared_lines(sdist: Path) -> list[str]:
    """Return an sdist's requirements, one a line: PKG-INFO's, else those of requirements.txt."""
    with tarfile.open(sdist) as archive:
        metadata = email.parser.HeaderParser().parsestr(_member(archive, "PKG-INFO"))
        lines = [str(line) for line in metadata.get_all("Requires-Dist") or []]
        return lines or _member(archive, "requirements.txt").splitlines()


def parse_requirements(lines: Iterable[str], python: Version, where: str) -> Iterator[Requirement]:
    """Give the requirements among `lines` that count for `python` on Linux, without extras."""
    environment = {
        "python_version": f"{python.major}.{python.minor}",
        "python_full_version": str(python),
        "implementation_version": str(python),
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
        "extra": "",
    }
    for line in lines:
        text = re.sub(r"(^|\s)#.*$", "", line).strip()
        if not text or text.startswith("-"):
            continue
        try:
            requirement = Requirement(text)
        except InvalidRequirement as error:
            raise DebstackError(f"{where}: expected a requirement, found {text}") from error
        if requirement.marker is None or requirement.marker.evaluate(environment):
            yield requirement


def requirements(sdist: Path, python: Version) -> list[Requirement]:
    """Return the requirements of an sdist on `python`. Raises DebstackError for a malformed one."""
    return list(parse_requirements(declared_lines(sdist), python, sdist.name))
