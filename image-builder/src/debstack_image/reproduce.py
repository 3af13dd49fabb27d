# SPDX-License-Identifier: Apache-2.0
"""Building again what a manifest describes, with the very versions that are in it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from debstack_image.index import ImageError, Package
from debstack_image.manifest import load
from debstack_image.parsing import parse_table
from debstack_image.settings import Settings
from debstack_image.sources import Sources, plan_sources


def defaults_of(path: Path) -> dict[str, Any]:
    """Return the settings that the manifest's image was built with. Raises ImageError."""
    build = load(path)["build"]
    if not {"asked", "source-date-epoch", "image-sources"} <= build.keys():
        raise ImageError(f"{path}: expected what its image was built with, found none")
    values = parse_table(f"{path}: asked", build["asked"], path.parent)
    values["source_date_epoch"] = int(build["source-date-epoch"])
    return values


def preferences(settings: Settings) -> str:
    """Return what makes apt take no other versions than the manifest's; nothing without one."""
    if settings.reproduce is None:
        return ""
    manifest = load(settings.reproduce)
    if not manifest["packages"]:
        raise ImageError(f"{settings.reproduce}: expected packages, found none")
    return "\n".join(
        f"Package: {package['name']}\nPin: version {package['version']}\nPin-Priority: 1001\n"
        for package in manifest["packages"]
    )


def check(settings: Settings, known: Sequence[Package]) -> None:
    """Raise ImageError where the mirror does not give the packages that the manifest has.

    What has no checksum in the manifest came by a hook. A hook may also have removed packages:
    with one, those are compared that both have.
    """
    if settings.reproduce is None:
        return
    had = {
        (p["name"], p["architecture"]): f"{p['version']} {p['sha256']}"
        for p in load(settings.reproduce)["packages"]
        if p["sha256"]
    }
    found = {(p.name, p.architecture): f"{p.version} {p.digest}" for p in known}
    names = had.keys() & found.keys() if settings.hook_script else had.keys() | found.keys()
    lines = [
        f"\n    {':'.join(name)}: expected {had.get(name, 'none')}, "
        f"the mirror has {found.get(name, 'none')}"
        for name in sorted(names)
        if had.get(name) != found.get(name)
    ]
    if lines:
        raise ImageError(
            f"{settings.reproduce}: the mirror does not have its packages{''.join(lines)}",
            hint="--mirror names a snapshot of the archive from the time of the manifest",
        )


def sources_of(settings: Settings) -> Sources:
    """Return the sources of a build; what stays in the image is as the manifest has it."""
    sources = plan_sources(settings)
    if settings.reproduce is None:
        return sources
    image = load(settings.reproduce)["build"]["image-sources"]
    return Sources(build=sources.build, image=image, settings=sources.settings)
