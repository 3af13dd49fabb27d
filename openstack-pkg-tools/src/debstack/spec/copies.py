# SPDX-License-Identifier: Apache-2.0
"""Where the copies of a machine's key and certificate lie that the daemons of a source read."""

from __future__ import annotations

from debstack.spec.vocabulary import Certificate

KEY = "debstack.key"
CERTIFICATE = "debstack.crt"


def paths_of(certificate: Certificate) -> tuple[str, str]:
    """Return the paths of the key and of the certificate."""
    return f"{certificate.directory}/{KEY}", f"{certificate.directory}/{CERTIFICATE}"
