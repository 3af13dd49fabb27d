# SPDX-License-Identifier: Apache-2.0
"""The parts of an image as a CycloneDX document, made by the library of that project."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.util import find_spec

from debstack_image.identity import Identity
from debstack_image.manifest import Installed


def available() -> bool:
    """Tell whether the library is installed."""
    return find_spec("cyclonedx") is not None and find_spec("packageurl") is not None


def render(
    title: str, packages: Sequence[Installed], release: str, identity: Identity, epoch: int
) -> str:
    """Return the document as JSON; the same packages give the same text."""
    from cyclonedx.model import HashAlgorithm, HashType
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output.json import JsonV1Dot5
    from packageurl import PackageURL

    def component(package: Installed) -> Component:
        qualifiers = {"arch": package.architecture, "distro": release}
        url = PackageURL("deb", "debian", package.name, package.version, qualifiers)
        digest = [HashType(alg=HashAlgorithm.SHA_256, content=package.digest)]
        return Component(
            type=ComponentType.LIBRARY,
            name=package.name,
            version=package.version,
            purl=url,
            bom_ref=url.to_string(),
            hashes=digest if package.digest else [],
        )

    whole = Component(
        type=ComponentType.OPERATING_SYSTEM, name=title, version=release, bom_ref="image"
    )
    bom = Bom(components=[component(package) for package in packages])
    bom.serial_number = uuid.UUID(identity.uuid("sbom"))
    bom.metadata.timestamp = datetime.fromtimestamp(epoch, UTC)
    bom.metadata.component = whole
    bom.register_dependency(whole, bom.components)
    return JsonV1Dot5(bom).output_as_string(indent=1) + "\n"
