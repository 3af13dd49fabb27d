# SPDX-License-Identifier: Apache-2.0
"""Reading the values that options take: each function returns the value or raises ValueError.

The error says what was expected; the caller adds which option it was and what was found.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

KIB = 1024
MIB = 1024 * KIB
GIB = 1024 * MIB
TIB = 1024 * GIB
#: ext4 has no file of that size, and a disk is one.
TOO_LARGE = 16 * TIB

_SIZE = re.compile(r"(?P<number>\d+)(?P<unit>[KMGT]?)(?:iB|B)?", re.IGNORECASE)
_UNITS = {"": 1, "K": KIB, "M": MIB, "G": GIB, "T": TIB}
_PACKAGE = re.compile(r"[a-z0-9][a-z0-9+.-]+(:[a-z0-9-]+)?(=[A-Za-z0-9.+:~-]+)?")
_CODENAME = re.compile(r"[a-z][a-z0-9-]*")
#: As useradd takes it, so that it can be a path's part and a word of any file.
_USER = re.compile(r"[a-z_][a-z0-9_-]{0,30}")
_HOSTNAME = re.compile(
    r"(?=.{1,253}$)[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
    r"(\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*"
)
_LOCALE = re.compile(
    r"(?P<name>C|POSIX|[a-z]{2,3}_[A-Z]{2})(?:\.(?:UTF-8|utf8))?(?P<variant>@[a-z]+)?"
)
_ZONE = re.compile(r"[A-Za-z0-9_+-]+(/[A-Za-z0-9_+-]+){0,2}")
_KEYBOARD = re.compile(r"[a-z]{2,}(:[a-z0-9_]+)?")
_FILE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]*")
_DEVICE = re.compile(r"tty[A-Za-z]*[0-9]+|hvc[0-9]+")
_COMPONENT = re.compile(r"[a-z][a-z0-9-]*")
#: GRUB does not give on quotation marks and backslashes as they are.
_ARGUMENT = re.compile(r"[\x21\x23-\x26\x28-\x5b\x5d-\x7e]+")
#: What a mirror may be reached by; each is apt's own method.
_SCHEMES = ("http", "https", "file", "copy")

Reader = Callable[[str], object]


def _matching(pattern: re.Pattern[str], text: str, expected: str) -> str:
    if not pattern.fullmatch(text):
        raise ValueError(expected)
    return text


def choice(*known: str) -> Callable[[str], str]:
    """Return a reader that takes one of `known`."""

    def read(text: str) -> str:
        if text not in known:
            raise ValueError(f"one of {', '.join(known)}")
        return text

    return read


def size(text: str) -> int:
    """Return a size in bytes: a number with K, M, G or T, which are powers of 1024."""
    found = _SIZE.fullmatch(text)
    if not found:
        raise ValueError("a size such as 4G or 900M")
    number = int(found["number"]) * _UNITS[found["unit"].upper()]
    if number >= TOO_LARGE:
        raise ValueError(f"a size below {TOO_LARGE // TIB}T")
    return number


def size_or_auto(text: str) -> int:
    """Return a size in bytes, 0 for `auto`."""
    if text == "auto":
        return 0
    try:
        found = size(text)
    except ValueError as error:
        raise ValueError(f"auto, or {error}") from error
    if not found:
        raise ValueError("auto, or a size such as 4G or 900M")
    return found


def seconds(text: str) -> int:
    """Return a whole number of seconds."""
    if not re.fullmatch(r"\d{1,6}", text):
        raise ValueError("a number of seconds")
    return int(text)


def epoch(text: str) -> int:
    """Return seconds since 1970-01-01, UTC."""
    if not re.fullmatch(r"\d{1,10}", text):
        raise ValueError("seconds since 1970-01-01, UTC")
    return int(text)


def package(text: str) -> str:
    """Return a package's name, with `=version` if it has one."""
    return _matching(_PACKAGE, text, "the name of a package, or name=version")


def codename(text: str) -> str:
    """Return the name of a release. Whether a mirror has it is seen when it is asked."""
    return _matching(_CODENAME, text, "the name of a release such as trixie or sid")


def user_name(text: str) -> str:
    """Return the name of a user."""
    return _matching(_USER, text, "a user name: lower-case letters, digits, - and _, at most 31")


def host_name(text: str) -> str:
    """Return a host name."""
    return _matching(_HOSTNAME, text, "a host name")


def locale(text: str) -> str:
    """Return the whole name of a locale: de_DE.UTF-8 for de_DE; all that are made are UTF-8."""
    found = _LOCALE.fullmatch(text)
    if not found or (found["variant"] and "_" not in found["name"]):
        raise ValueError("a locale such as C.UTF-8 or de_DE.UTF-8")
    if text in ("C", "POSIX"):
        return text
    return f"{found['name']}.UTF-8{found['variant'] or ''}"


def time_zone(text: str) -> str:
    """Return the name of a time zone."""
    return _matching(_ZONE, text, "a time zone such as Etc/UTC or Europe/Paris")


def keyboard(text: str) -> str:
    """Return a keyboard's layout, `layout:variant` if it has one."""
    return _matching(_KEYBOARD, text, "a keyboard layout such as us or de:nodeadkeys")


def file_name(text: str) -> str:
    """Return a name for files: no folder in it, no leading dot."""
    return _matching(_FILE_NAME, text, "a name of letters, digits and ._+-, without a folder")


def device(text: str) -> str:
    """Return the name of a serial device, without /dev/."""
    return _matching(_DEVICE, text.removeprefix("/dev/"), "a serial device such as ttyS0")


def component(text: str) -> str:
    """Return the name of a component of the archive."""
    return _matching(_COMPONENT, text, "a component of the archive such as main or non-free")


def kernel_argument(text: str) -> str:
    """Return one argument for the kernel's command line."""
    return _matching(
        _ARGUMENT, text, "one kernel argument, without blanks, quotation marks and backslashes"
    )


def mirror(text: str) -> str:
    """Return the URI of an archive, without a slash at its end."""
    parts = urlsplit(text)
    rest = parts.path if parts.scheme in ("file", "copy") else parts.netloc
    if parts.scheme not in _SCHEMES or not rest or re.search(r"[\s\"\[\]]", text):
        raise ValueError(f"a URI that begins with one of {', '.join(s + ':' for s in _SCHEMES)}")
    return text.rstrip("/")


def _path(text: str) -> Path:
    try:
        return Path(text).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError("a path that begins with no unknown user's ~") from error


def existing_file(text: str) -> Path:
    """Return the absolute path of a file that can be read."""
    path = _path(text)
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("a file that exists")
        path.open("rb").close()
    except FileNotFoundError as error:
        raise ValueError("a file that exists") from error
    except OSError as error:
        raise ValueError(f"a file that can be read ({error.strerror})") from error
    return path


# Of os.path, as Path's own methods raise PermissionError for what is in others' folders.
def existing_folder(text: str) -> Path:
    """Return the absolute path of a folder."""
    path = _path(text)
    if not os.path.isdir(path):  # noqa: PTH112
        raise ValueError("a folder that exists")
    return path


def existing_path(text: str) -> Path:
    """Return the absolute path of a file or a folder."""
    path = _path(text)
    if not os.path.exists(path):  # noqa: PTH110
        raise ValueError("a file or a folder that exists")
    return path


def folder(text: str) -> Path:
    """Return the absolute path of a folder that may not exist yet."""
    path = _path(text)
    if not text or (os.path.exists(path) and not os.path.isdir(path)):  # noqa: PTH110, PTH112
        raise ValueError("a folder")
    return path


def word(text: str) -> str:
    """Return a text that is not empty and has no control characters."""
    return _matching(re.compile(r"[^\x00-\x1f\x7f]+"), text, "a text of one line")


def several(reader: Callable[[str], object]) -> Reader:
    """Return a reader of lists: values separated by commas or blanks."""

    def read(text: str) -> tuple[object, ...]:
        parts = [part for part in re.split(r"[,\s]+", text) if part]
        if not parts:
            raise ValueError("at least one value")
        return tuple(reader(part) for part in parts)

    return read
