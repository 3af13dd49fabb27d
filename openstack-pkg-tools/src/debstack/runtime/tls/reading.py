# SPDX-License-Identifier: Apache-2.0
"""What certificates and keys say, and what is wrong with those of a machine. Changes nothing."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization

from debstack.base.run import run
from debstack.base.secret import Secret
from debstack.runtime.tls.issuing import Pair

#: A certificate that is made here is renewed when less than this part of its life is left.
RENEWED_AT = 1 / 3


def chain_of(text: str) -> list[x509.Certificate]:
    """Return the certificates of a PEM file, in order. Raises ValueError where there is none."""
    return x509.load_pem_x509_certificates(text.encode("utf-8"))


def names_of(certificate: x509.Certificate) -> frozenset[str]:
    """Return the names and addresses that `certificate` is for, as text."""
    try:
        found = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return frozenset()
    addresses = found.get_values_for_type(x509.IPAddress)
    return frozenset([*found.get_values_for_type(x509.DNSName), *map(str, addresses)])


def in_one_line(certificate: str) -> str:
    """Return a PEM certificate as answers have it: base64 of its DER, without line breaks."""
    der = chain_of(certificate)[0].public_bytes(serialization.Encoding.DER)
    return base64.b64encode(der).decode("ascii")


def from_one_line(text: str) -> str:
    """Return the PEM of what in_one_line returned. Raises ValueError for anything else."""
    try:
        der = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError(f"not base64 ({error})") from error
    found = x509.load_der_x509_certificate(der)
    return found.public_bytes(serialization.Encoding.PEM).decode("ascii")


def _public(key: Secret) -> bytes:
    private = serialization.load_pem_private_key(str(key).encode("utf-8"), password=None)
    return private.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def belong_together(key: Secret, certificate: x509.Certificate) -> bool:
    """Return whether `certificate` is for this key. Raises ValueError for what is no key."""
    try:
        public = _public(key)
    except (TypeError, UnsupportedAlgorithm) as error:
        raise ValueError(str(error)) from error
    return public == certificate.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def due(certificate: x509.Certificate, now: datetime) -> bool:
    """Return whether so little is left of the life of `certificate` that a new one is made."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now < begin or end - now < (end - begin) * RENEWED_AT


def why_new(
    key: Secret | None, certificate: str | None, authority: str, names: Sequence[str], now: datetime
) -> str:
    """Return why a machine needs a new certificate by `authority`; empty if it does not."""
    if not key or not certificate:
        return "there is none"
    try:
        found = chain_of(certificate)[0]
        fits = belong_together(key, found)
    except ValueError:
        return "it cannot be read"
    if not fits:
        return "it is for another key"
    if not issued_by(authority, found):
        return "it is by another authority"
    missing = [name for name in names if name not in names_of(found)]
    if missing:
        return f"it is not for {', '.join(missing)}"
    return "it ends soon" if due(found, now) else ""


def issued_by(authority: str, certificate: x509.Certificate) -> bool:
    """Return whether `certificate` is by `authority` (PEM)."""
    try:
        certificate.verify_directly_issued_by(chain_of(authority)[0])
    except (InvalidSignature, TypeError, ValueError):
        return False
    return True


def good(authority: str, certificate: x509.Certificate, now: datetime) -> bool:
    """Return whether `certificate` is by `authority`, and has begun and not ended."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return issued_by(authority, certificate) and begin <= now <= end


def usable(pair: Pair, authority: str, now: datetime) -> bool:
    """Return whether key and certificate belong together, and the latter is good."""
    try:
        certificate = chain_of(pair.certificate)[0]
        return belong_together(pair.key, certificate) and good(authority, certificate, now)
    except ValueError:
        return False


def verification_problem(certificate: Path, authorities: Path, name: str = "") -> str:
    """Return why openssl does not accept `certificate` as that of the server `name`, or nothing.

    The file has the certificate first and then what leads to one of `authorities`. Without a name
    the certificate alone is to be accepted as that of a client: Open vSwitch shows no more.
    """
    kind = "-verify_ip" if ":" in name or name.replace(".", "").isdigit() else "-verify_hostname"
    server = ["-purpose", "sslserver", "-untrusted", str(certificate), kind, name]
    # Else what the system trusts is as good as `authorities`.
    argv = ["openssl", "verify", "-CAfile", str(authorities), "-no-CApath", "-no-CAstore"]
    argv += [*(server if name else ["-purpose", "sslclient"]), str(certificate)]
    done = run(argv, check=False, timeout_s=30)
    if done.code == 0:
        return ""
    lines = [line for line in (done.stderr + done.stdout).splitlines() if "error " in line]
    # "error 10 at 0 depth lookup: certificate has expired"
    return lines[0].partition(": ")[2] if lines else "openssl does not accept it"
