# SPDX-License-Identifier: Apache-2.0
"""The apt sources of a build, and those that stay in the image, as deb822 text."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from debstack_image.machine_apt import MachineApt, acquire_settings, beside, machine_apt
from debstack_image.repository import read_repository
from debstack_image.settings import Settings

#: These roll: they have no updates, no security updates and no backports of their own.
ROLLING = frozenset({"sid", "unstable", "experimental"})
_KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """`build` is what the image is made from, `image` what its own apt uses; both deb822."""

    build: str
    image: str
    #: Lines for apt.conf: how to reach the mirrors from this machine.
    settings: tuple[str, ...]


def paragraph(uri: str, suites: list[str], components: tuple[str, ...], keyring: Path) -> str:
    """Return one source of apt."""
    return (
        f"Types: deb\nURIs: {uri}\nSuites: {' '.join(suites)}\n"
        f"Components: {' '.join(components)}\nSigned-By: {keyring}\n"
    )


def _debian(
    settings: Settings, archive: str, security: str, keyring: Path, *, backports: bool
) -> str:
    release = settings.release
    suites = [release]
    rolling = release in ROLLING
    if settings.pockets and not rolling:
        suites.append(f"{release}-updates")
    if backports and not rolling:
        suites.append(f"{release}-backports")
    text = paragraph(archive, suites, settings.components, keyring)
    if settings.pockets and security and not rolling:
        text += "\n" + paragraph(security, [f"{release}-security"], settings.components, keyring)
    return text


def _copied(text: str) -> str:
    """Return sources whose packages all come to apt's archives: those of file: stay where they are.

    A tree is filled from there, and sees no other folder of the machine.
    """
    return re.sub(
        r"^URIs:.*$",
        lambda line: re.sub(r"(?<=\s)file:", "copy:", line.group()),
        text,
        flags=re.MULTILINE | re.IGNORECASE,
    )


def plan_sources(settings: Settings, machine: MachineApt | None = None) -> Sources:
    """Return the sources for `settings`; what they leave open, this machine's apt says."""
    if settings.mirror:
        archive = settings.mirror
        security = settings.security_mirror or beside(archive)
        reach = acquire_settings() if machine is None else machine.settings
    else:
        found = machine or machine_apt()
        archive, reach = found.archive, found.settings
        security = settings.security_mirror or found.security
    keyring = settings.keyring or _KEYRING
    extra = "".join(f"\n{read_repository(path)}" for path in settings.repository)
    backports = settings.backports or settings.kernel_from_backports
    build = _debian(settings, archive, security, keyring, backports=backports) + extra
    image_archive = settings.image_mirror or archive
    image_security = settings.image_security_mirror or (
        beside(image_archive) if settings.image_mirror else security
    )
    # The keys of the image's own package of keys, at the same place in every release.
    image = _debian(settings, image_archive, image_security, _KEYRING, backports=backports) + extra
    return Sources(build=_copied(build), image=image, settings=reach)
