# SPDX-License-Identifier: Apache-2.0
"""tls:<source>: key and certificate of the machine, once more, for daemons that are not root."""

from __future__ import annotations

from debstack.runtime.context import Context
from debstack.runtime.step import Step
from debstack.runtime.steps.servers import CertificateCopyStep
from debstack.spec import copies
from debstack.spec.vocabulary import Certificate


class SourceCertificateStep(CertificateCopyStep):
    """Those of the daemons of one source, which read them whenever they connect."""

    def __init__(self, context: Context, source: str, group: str, declared: Certificate) -> None:
        super().__init__(context)
        self.id = f"tls:{source}"
        self.needs |= {"tls:trust"}
        self.key, self.certificate = copies.paths_of(declared)
        self.group = group


def build(context: Context) -> list[Step]:
    """Return a step for each source of this machine that declares a certificate."""
    users = {manifest.source: manifest.user for manifest in context.manifests}
    return [
        SourceCertificateStep(context, source, users[source], declared)
        for source, declared in context.site.certificates.items()
    ]
