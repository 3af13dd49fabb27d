# SPDX-License-Identifier: Apache-2.0
"""Building again what a manifest describes, with the very versions that are in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from debstack_image.index import ImageError
from debstack_image.manifest import load
from debstack_image.parsing import parse_table
from debstack_image.settings import Settings
from debstack_image.sources import Sources, plan_sources


def defaults_of(path: Path) -> dict[str, Any]:
    """Return the settings that the manifest's image was built with. Raises ImageError."""
    build = load(path)["build"]
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


def sources_of(settings: Settings) -> Sources:
    """Return the sources of a build; what stays in the image is as the manifest has it."""
    sources = plan_sources(settings)
    if settings.reproduce is None:
        return sources
    image = load(settings.reproduce)["build"]["image-sources"]
    return Sources(build=sources.build, image=image, settings=sources.settings)
