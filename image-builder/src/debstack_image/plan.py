# SPDX-License-Identifier: Apache-2.0
"""What --dry-run prints: the image that would be made, and how."""

from __future__ import annotations

from debstack_image.packages import priority_pattern, wanted_packages
from debstack_image.settings import Settings
from debstack_image.sources import plan_sources
from debstack_image.values import MIB


def plan_lines(settings: Settings) -> list[str]:
    """Return the plan as lines; asks this machine's apt which mirror it has, and nothing else."""
    sources = plan_sources(settings)
    size = f"{settings.image_size // MIB}M" if settings.image_size else "as large as needed"
    files = [f"{settings.output / settings.title}.{kind}" for kind in settings.format]
    return [
        f"image:      {settings.title}",
        f"release:    {settings.release}, {settings.architecture}",
        "sources:",
        *(f"    {line}".rstrip() for line in sources.build.splitlines()),
        "packages:",
        *(f"    {name}" for name in ("?essential", *priority_pattern(settings))),
        *(f"    {name}" for name in wanted_packages(settings)),
        f"disk:       {settings.partition_table}, {settings.filesystem}, {size}",
        f"boot:       {settings.boot_manager}, {settings.boot_type}",
        "files:",
        *(f"    {name}" for name in files),
    ]
