# SPDX-License-Identifier: Apache-2.0
"""find_secrets.py [FILE…]: print where passwords of this machine can be read, as a JSON list.

It looks for every value in secrets.preseed (and, as JSON in each FILE, passwords that were in use
before), in each form that a configuration file, a URL or a log may give it, in: the journal,
/var/log, debconf's databases, the environment of services, every file that anybody may read, and
the command lines that watch_arguments.py has noted.
"""

from __future__ import annotations

import errno
import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote, quote_plus

SECRETS = Path("/etc/debstack/secrets.preseed")
PLACES = ("/boot", "/dev/shm", "/etc", "/home", "/opt", "/root", "/run", "/tmp", "/usr", "/var")
#: Lists and packages as the archive has them, much to read.
SKIPPED = ("/var/lib/apt/lists", "/var/cache/apt")
ALWAYS = ("/var/log", "/var/cache/debconf")
ARGUMENTS = Path("/root/arguments")


def passwords() -> dict[str, str]:
    found = {}
    for number, name in enumerate(sys.argv[1:]):
        for key, value in json.loads(Path(name).read_text(encoding="utf-8")).items():
            found[f"{key} (set {number})"] = value
    for line in SECRETS.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            found[line.split(" ")[1]] = line.split(" ", 3)[3]
    return found


def forms(value: str) -> set[bytes]:
    """Return `value` as it is, percent-encoded, and escaped as in INI, SQL, JSON, shell."""
    latin = value.encode().decode("latin-1")
    encoded = {quote(value, safe=""), quote_plus(value), quote(latin, safe=""), quote(value)}
    plain = {value, latin, value.replace("'", "'\"'\"'"), value.replace("'", "\\'")}
    plain |= {value.replace("\\", "\\\\"), value.replace("\\", "\\\\").replace("'", "\\'")}
    plain |= {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1], repr(value)}
    doubled = {text.replace("%", "%%") for text in encoded | plain}
    doubled |= {text.replace("$", "$$") for text in plain}
    texts = encoded | plain | doubled
    # whatever holds a text holds its parts
    return {one.encode() for one in texts if not any(o in one for o in texts if o != one)}


def packaged() -> set[str]:
    """Return the files in /usr that packages have brought: the same everywhere, so no secrets."""
    lists = Path("/var/lib/dpkg/info").glob("*.list")
    return {line for path in lists for line in path.read_text().splitlines()}


def open_to_all(path: str) -> bool:
    mode = os.lstat(path).st_mode
    return bool(stat.S_ISREG(mode) and mode & stat.S_IROTH)


def readable_files() -> Iterator[str]:
    """Yield every regular file that anybody may read, and all of ALWAYS."""
    known = packaged()
    for place in PLACES:
        device = os.stat(place).st_dev
        for folder, names, files in os.walk(place):
            names[:] = [name for name in names if f"{folder}/{name}" not in SKIPPED]
            everything = folder.startswith(ALWAYS)
            passable = os.stat(folder).st_mode & stat.S_IXOTH and os.stat(folder).st_dev == device
            if not passable and not everything:
                # below a folder that is closed to others, nothing is open to them
                names[:] = [n for n in names if f"{folder}/{n}".startswith(ALWAYS)]
                continue
            for name in files:
                path = f"{folder}/{name}"
                if path in known and path.startswith("/usr/"):
                    continue
                if everything or (os.path.lexists(path) and open_to_all(path)):
                    yield path


def search(place: str, content: bytes, needles: dict[str, set[bytes]]) -> list[str]:
    return [
        f"{place}: {name}"
        for name, texts in needles.items()
        if any(text in content for text in texts)
    ]


def environments() -> Iterator[tuple[str, bytes]]:
    own = str(os.getpid())
    for name in os.listdir("/proc"):
        if name.isdigit() and name != own:
            try:
                command = Path(f"/proc/{name}/cmdline").read_bytes().partition(b"\0")[0].decode()
                yield f"environment of {command}", Path(f"/proc/{name}/environ").read_bytes()
            except OSError:  # it has ended
                continue


def main() -> None:
    needles = {name: forms(value) for name, value in passwords().items()}
    found: list[str] = []
    journal = ["journalctl", "--no-pager", "--all", "--output=export"]
    told = subprocess.run(journal, stdout=subprocess.PIPE, check=True).stdout
    found += search("journal", told, needles)
    files = 0
    for path in readable_files():
        if path in sys.argv[1:]:
            continue
        try:
            content = Path(path).read_bytes()
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            continue  # a name space of the network, which is kept under the name of a file
        files += 1
        found += search(path, content, needles)
    if ARGUMENTS.exists():
        found += search(str(ARGUMENTS), ARGUMENTS.read_bytes(), needles)
    for place, content in environments():
        found += search(place, content, needles)
    result = {"found": found, "journal": len(told), "files": files, "passwords": sorted(needles)}
    print(json.dumps(result))


main()
