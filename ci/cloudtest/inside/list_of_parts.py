# SPDX-License-Identifier: Apache-2.0
"""Prints the list of parts that the installed builder makes of one package, by Debian's library."""

from debstack_image import sbom
from debstack_image.identity import Identity
from debstack_image.manifest import Installed

PART = Installed(
    name="less",
    version="668-1",
    architecture="amd64",
    source="less",
    source_version="668-1",
    digest="0" * 64,
)
print(sbom.render("image", [PART], "trixie", Identity("digest"), 1) if sbom.available() else "{}")
