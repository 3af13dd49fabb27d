# SPDX-License-Identifier: Apache-2.0
"""Which settings say what is in an image, as opposed to how and where it is built."""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path
from typing import Any

from debstack_image import tree
from debstack_image.settings import BUILD, OPTIONS, PROVENANCE, Settings, spelling

#: Where files go and how they are packed; sources, whose packages count, not their place.
_ELSEWHERE = {"output", "name", "format", "compression", "mirror", "security_mirror", "keyring"}
#: What is easily found by trying, if something that is quickly computed from it is known.
_SECRET = {"root_password_file", "login_password_file"}
_GIVEN = "given"
#: A password in a preseed is as easily found, where the rest of the file is known.
_PASSWORD_LINE = re.compile(r"^(\s*\S+\s+\S+\s+password\s).+$", re.MULTILINE)


def _digest_of_path(path: Path) -> str:
    """Return a digest of a file, or of the files in a folder with names and modes."""
    digest = hashlib.sha256()
    paths = list(tree.walk(path)) if path.is_dir() else [path]
    for item in paths:
        mode = item.lstat().st_mode
        digest.update(f"{item.relative_to(path)} {stat.filemode(mode)} ".encode())
        if item.is_symlink():
            digest.update(os.fsencode(item.readlink()))
        elif item.is_file():
            digest.update(item.read_bytes())
    return digest.hexdigest()


def _digest_of_preseed(path: Path) -> str:
    """Return a digest of all that a preseed says but passwords."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    return hashlib.sha256(_PASSWORD_LINE.sub(rf"\1{_GIVEN}", text).encode()).hexdigest()


def _of(settings: Settings, name: str) -> Any:
    found = getattr(settings, name)
    if name == "preseed":
        return [_digest_of_preseed(path) for path in found]
    return _GIVEN if found and name in _SECRET else _value(found)


def _value(found: Any) -> Any:
    if isinstance(found, Path):
        return _digest_of_path(found)
    if isinstance(found, tuple):
        return [_value(item) for item in found]
    return found


def described(settings: Settings) -> dict[str, Any]:
    """Return the settings that make the image what it is; of files their digests.

    They are in the manifest, and the identifiers are derived from them: nothing in there may tell
    whether a guessed password is the right one.
    """
    return {
        spelling(name): _of(settings, name)
        for name, option in OPTIONS.items()
        if option.group not in (BUILD, PROVENANCE) and name not in _ELSEWHERE
    }


def asked(settings: Settings) -> dict[str, Any]:
    """Return the settings that are not as by default, to build the same again; paths as given."""
    default = Settings()
    found = {}
    for name, option in OPTIONS.items():
        value = getattr(settings, name)
        if option.group == BUILD or name in ("output", "upload", "sign", "reproduce"):
            continue
        if value != getattr(default, name):
            items = value if isinstance(value, tuple) else [value]
            plain = [str(item) if isinstance(item, Path) else item for item in items]
            found[spelling(name)] = plain if isinstance(value, tuple) else plain[0]
    return found
