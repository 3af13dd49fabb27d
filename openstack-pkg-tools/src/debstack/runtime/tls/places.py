# SPDX-License-Identifier: Apache-2.0
"""Where keys and certificates lie, and reading those that the servers of this machine use."""

from __future__ import annotations

from pathlib import Path

from debstack.base.errors import ConfigurationError
from debstack.base.secret import Secret
from debstack.runtime.context import Context
from debstack.runtime.files import read_text
from debstack.runtime.site import TRUSTED as TRUSTED
from debstack.runtime.site import TlsMode
from debstack.runtime.tls.issuing import Pair

#: A name that certificates of controllers have besides, for HAProxy, which does not look for
#: addresses in them. The domain is kept free for such private use.
CONTROLLER_NAME = "controller.debstack.internal"
#: The cloud's own authority. Its key never leaves the machine.
AUTHORITY_KEY = "/var/lib/debstack/tls/authority.key"
AUTHORITY = "/var/lib/debstack/tls/authority.crt"
#: What this machine proves its name with.
KEY = "/etc/debstack/tls/machine.key"
CERTIFICATE = "/etc/debstack/tls/machine.crt"


def held(root: Path, key: str, certificate: str) -> Pair | None:
    """Return the key and the certificate of two files, None where either is not there."""
    found = read_text(root / key.lstrip("/"))
    text = read_text(root / certificate.lstrip("/"))
    if not found or not text:
        return None
    return Pair(key=Secret(found), certificate=text)


def authority_of(context: Context) -> str:
    """Return the certificate (PEM) of the authority that this machine is told to trust.

    That is the one that it was given, or else its own; empty where there is neither. With another
    kind of certificates, or none, it stays: what is in use by now is changed after that.
    """
    return context.site.tls.authority or read_text(context.path(AUTHORITY)) or ""


def machine_pair(context: Context) -> Pair:
    """Return the key and the certificate of this machine. Raises ConfigurationError."""
    return _pair(context, provided=context.site.tls.mode is TlsMode.PROVIDED)


def public_pair(context: Context) -> Pair:
    """Return the key and the certificate that users see. Raises ConfigurationError."""
    tls = context.site.tls
    return _pair(context, provided=tls.for_users or tls.mode is TlsMode.PROVIDED)


def _pair(context: Context, *, provided: bool) -> Pair:
    tls = context.site.tls
    key, certificate = (tls.key, tls.certificate) if provided else (KEY, CERTIFICATE)
    found = held(context.root, key, certificate)
    if found is None:
        raise ConfigurationError(
            f"{certificate} with {key}: not there, or empty", hint="run: debstack apply"
        )
    return found
