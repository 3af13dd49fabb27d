# SPDX-License-Identifier: Apache-2.0
"""The Debian mirror of this machine, read from apt's configuration and never named in the tree."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.run import run

#: Suites of a Debian release that are used on top of the release itself.
_POCKETS = ("-updates", "-security")
#: Settings of apt that say how to reach a mirror; roots get them from the host.
_ACQUIRE = re.compile(
    r"^Acquire::(?:(?:https?|ftp)::\S+|Check-Valid-Until|Check-Date|Retries|ForceIPv[46]) \".*\";$"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of apt's sources: where, which suite, which components."""

    uri: str
    suite: str
    components: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """Where Debian is fetched from: archive, pockets of a release (suffix to URI), apt settings."""

    uri: str
    pockets: tuple[tuple[str, str], ...] = ()
    #: Lines for apt.conf, such as a proxy.
    settings: tuple[str, ...] = ()

    def sources(self, suite: str) -> list[str]:
        """Return the lines of sources.list for Debian's `suite`, main alone, pockets included."""
        places = [("", self.uri), *self.pockets]
        return [f"deb {uri} {suite}{suffix} main" for suffix, uri in places]


def _one_line_entries(text: str) -> Iterator[Entry]:
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[[^]]*\]\s+)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if found:
            uri, suite, components = found.groups()
            yield Entry(uri=uri, suite=suite, components=tuple(components.split()))


def _deb822_entries(text: str) -> Iterator[Entry]:
    for paragraph in re.split(r"\n\s*\n", text):
        fields: dict[str, str] = {}
        name = ""
        for line in paragraph.splitlines():
            if line.startswith("#"):
                continue
            if line[:1].isspace():
                fields[name] = fields.get(name, "") + " " + line
            elif ":" in line:
                name, value = line.split(":", 1)
                name = name.lower()
                fields[name] = value
        if fields.get("enabled", "yes").strip().lower() in {"no", "false", "off", "0"}:
            continue
        if "deb" not in fields.get("types", "").split():
            continue
        components = tuple(fields.get("components", "").split())
        for uri in fields.get("uris", "").split():
            for suite in fields.get("suites", "").split():
                yield Entry(uri=uri, suite=suite, components=components)


def read_entries(etc_apt: Path) -> list[Entry]:
    """Return the entries of sources.list and sources.list.d below `etc_apt`, in apt's order."""
    entries: list[Entry] = []
    files = [etc_apt / "sources.list", *sorted((etc_apt / "sources.list.d").glob("*"))]
    for path in files:
        if path.suffix not in {".list", ".sources"} or not path.is_file():
            continue
        read = _deb822_entries if path.suffix == ".sources" else _one_line_entries
        entries.extend(read(path.read_text(encoding="utf-8")))
    return entries


def _resolved(uri: str) -> str:
    """Return the first mirror of a mirror+file: list (cloud images of Debian have one)."""
    if uri.startswith("mirror+file:"):
        listing = Path("/" + uri.removeprefix("mirror+file:").lstrip("/"))
        for line in listing.read_text(encoding="utf-8").splitlines():
            if line.strip() and not line.startswith("#"):
                return line.split()[0].rstrip("/")
    return uri.rstrip("/")


def choose(entries: Iterable[Entry], codename: str, settings: tuple[str, ...] = ()) -> Mirror:
    """Return the Mirror among `entries` of a host that runs Debian `codename`.

    An archive counts as Debian's if it has the release's suite with the component main; of several
    the one that also has a pocket (-updates) wins, so that a vendor's repository that reuses
    the codename does not. Raises DebstackError where there is none.
    """
    known = [entry for entry in entries if "main" in entry.components]
    archives = [entry.uri for entry in known if entry.suite == codename]
    if not archives:
        raise DebstackError(
            f"apt sources: expected an entry for Debian {codename} main, found none",
            hint="add your Debian mirror to /etc/apt/sources.list.d, then run apt-get update",
        )
    with_pocket = {entry.uri for entry in known if entry.suite == f"{codename}-updates"}
    archive = next((uri for uri in archives if uri in with_pocket), archives[0])
    pockets = []
    for suffix in _POCKETS:
        places = [entry.uri for entry in known if entry.suite == codename + suffix]
        if places:
            pockets.append((suffix, _resolved(places[0])))
    return Mirror(uri=_resolved(archive), pockets=tuple(pockets), settings=settings)


def _codename(os_release: str) -> str:
    found = re.search(r'^VERSION_CODENAME="?([a-z]+)"?$', os_release, re.MULTILINE)
    if not found:
        raise DebstackError(
            "/etc/os-release: expected VERSION_CODENAME, found none",
            hint="run this on a Debian 12 or 13 machine",
        )
    return found.group(1)


def host_mirror() -> Mirror:
    """Return the Mirror that this machine's apt is configured with. Raises DebstackError."""
    lines = run(["apt-config", "dump"]).stdout.splitlines()
    settings = tuple(line for line in lines if _ACQUIRE.match(line))
    codename = _codename(Path("/etc/os-release").read_text(encoding="utf-8"))
    return choose(read_entries(Path("/etc/apt")), codename, settings)
