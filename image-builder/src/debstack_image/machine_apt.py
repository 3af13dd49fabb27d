# SPDX-License-Identifier: Apache-2.0
"""What this machine's apt is configured with: its Debian mirror and how to reach it.

apt itself is asked, so that every form of its files is understood. No mirror is named here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.run import run

#: Settings that say how mirrors are reached; they hold for the build too.
_ACQUIRE = re.compile(
    r'^Acquire::(?:(?:https?|ftp)::\S+|Check-Valid-Until|Check-Date|ForceIPv[46]) ".*";$'
)
#: Variables by which apt is told of proxies, besides its configuration.
PROXIES = ("http_proxy", "https_proxy", "no_proxy")
_FORMAT = "$(REPO_URI)|$(RELEASE)|$(COMPONENT)"
_SECURITY = "-security"
#: What sources call a Debian whose own name for itself is that of the next release.
_NOT_RELEASED = ("testing", "sid", "unstable")


@dataclass(frozen=True, slots=True, kw_only=True)
class MachineApt:
    """Where this machine has Debian from; `security` is empty where it has no such source."""

    archive: str
    security: str
    settings: tuple[str, ...]


def beside(archive: str) -> str:
    """Return where mirrors have security updates by convention: beside the archive."""
    return f"{archive}{_SECURITY}" if archive.endswith("/debian") else ""


def _resolved(uri: str) -> str:
    """Return the first mirror of a list of mirrors, such as Debian's cloud images have."""
    if not uri.startswith(("mirror+file:", "mirror://file")):
        return uri.rstrip("/")
    listing = Path("/" + uri.partition(":")[2].strip("/"))
    for line in listing.read_text(encoding="utf-8").splitlines():
        if line.strip() and not line.startswith("#"):
            return line.split()[0].rstrip("/")
    raise DebstackError(f"{listing}: expected a mirror, found none")


def choose(
    lines: Iterable[str], codename: str, settings: Sequence[str] = (), *, released: bool = True
) -> MachineApt:
    """Return the sources of a machine that runs Debian `codename`.

    `lines` are URI, suite and component, as apt prints them. An archive that also has a pocket of
    the release wins over one that only reuses its name. What is not released yet goes by other
    names, too, and has its security updates from elsewhere than releases: these are beside the
    archive. Raises DebstackError where there is none.
    """
    entries = [line.split("|") for line in lines if line.count("|") == 2]
    known = [(uri, suite) for uri, suite, component in entries if component == "main"]
    pockets = {uri for uri, suite in known if suite == f"{codename}-updates"}
    names = (codename,) if released else (codename, *_NOT_RELEASED)
    archives = [uri for name in names for uri, suite in known if suite == name]
    if not archives:
        raise DebstackError(
            f"apt of this machine: expected an entry for Debian {codename} main, found none",
            hint="give --mirror URI, or add your mirror to /etc/apt/sources.list.d",
        )
    archive = next((uri for uri in archives if uri in pockets), archives[0])
    security = [uri for uri, suite in known if suite == codename + _SECURITY]
    if not security and not released:
        security = [found] if (found := beside(_resolved(archive))) else []
    return MachineApt(
        archive=_resolved(archive),
        security=_resolved(security[0]) if security else "",
        settings=tuple(settings),
    )


def acquire_settings() -> tuple[str, ...]:
    """Return the lines of apt's configuration that say how mirrors are reached."""
    return tuple(
        line for line in run(["apt-config", "dump"]).stdout.splitlines() if _ACQUIRE.match(line)
    )


def _codename() -> str:
    text = Path("/etc/os-release").read_text(encoding="utf-8")
    found = re.search(r'^VERSION_CODENAME="?([a-z]+)"?$', text, re.MULTILINE)
    return found.group(1) if found else "sid"


def machine_apt() -> MachineApt:
    """Return what this machine's apt is configured with. Raises DebstackError."""
    listed = run(["apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages"])
    released = "/sid" not in Path("/etc/debian_version").read_text(encoding="utf-8")
    lines = listed.stdout.splitlines()
    return choose(lines, _codename(), acquire_settings(), released=released)
