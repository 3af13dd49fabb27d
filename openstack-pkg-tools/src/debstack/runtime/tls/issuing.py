# SPDX-License-Identifier: Apache-2.0
"""Making keys and certificates: an authority's own, and what it signs for a machine. Pure.

Keys are of the curve P-256: small, quick to sign with, and known to every client.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from debstack.base.secret import Secret

AUTHORITY_LIFETIME = timedelta(days=3650)
LIFETIME = timedelta(days=90)
#: A clock that is somewhat behind ours must not find a new certificate to be of the future.
_BEFORE = timedelta(hours=1)
#: The largest number of characters of a common name (RFC 5280, appendix A.1).
_COMMON_NAME = 64
_ANY_LENGTH = dict.fromkeys(
    (
        *("content_commitment", "data_encipherment", "key_agreement"),
        *("encipher_only", "decipher_only", "key_encipherment"),
    ),
    False,
)
PURPOSES = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A key and the certificate that says whose it is, both as PEM."""

    key: Secret
    certificate: str


def new_key() -> Secret:
    """Return a new private key as PEM (PKCS #8)."""
    key = ec.generate_private_key(ec.SECP256R1())
    text = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    return Secret(text.decode("ascii"))


def private_of(key: Secret) -> ec.EllipticCurvePrivateKey:
    """Return the key that new_key returned as PEM. Raises TypeError or ValueError."""
    found = serialization.load_pem_private_key(str(key).encode("ascii"), password=None)
    if not isinstance(found, ec.EllipticCurvePrivateKey):
        raise TypeError("keys that are made here are of an elliptic curve")
    return found


def named(common_name: str) -> x509.Name:
    """Return the name of a subject of ours."""
    organization = x509.NameAttribute(NameOID.ORGANIZATION_NAME, "debstack")
    common = x509.NameAttribute(NameOID.COMMON_NAME, common_name[:_COMMON_NAME])
    return x509.Name([organization, common])


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BEFORE)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _text(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def new_authority(name: str, now: datetime) -> Pair:
    """Return a new authority, called after `name`, whose certificate is signed by itself."""
    key = new_key()
    private = private_of(key)
    public = private.public_key()
    subject = named(f"OpenStack authority of {name}")
    usage = x509.KeyUsage(digital_signature=False, key_cert_sign=True, crl_sign=True, **_ANY_LENGTH)
    certificate = (
        _builder(subject, subject, public, now)
        .not_valid_after(now + AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .sign(private, hashes.SHA256())
    )
    return Pair(key=key, certificate=_text(certificate))


def general_names(names: Sequence[str]) -> list[x509.GeneralName]:
    """Return `names` as certificates have them: addresses (without brackets) apart from names."""
    found: list[x509.GeneralName] = []
    for name in names:
        try:
            found.append(x509.IPAddress(ipaddress.ip_address(name)))
        except ValueError:
            found.append(x509.DNSName(name))
    return found


def signed(
    authority: Pair,
    public: ec.EllipticCurvePublicKey,
    node: str,
    names: Sequence[str],
    now: datetime,
) -> str:
    """Return the PEM of a certificate by `authority` for the machine `node`, which has the key.

    Whoever has that is each of `names`.
    """
    issuer = x509.load_pem_x509_certificate(authority.certificate.encode("ascii"))
    signer = private_of(authority.key)
    usage = x509.KeyUsage(
        digital_signature=True, key_cert_sign=False, crl_sign=False, **_ANY_LENGTH
    )
    of_issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key())
    certificate = (
        _builder(named(node), issuer.subject, public, now)
        .not_valid_after(min(now + LIFETIME, issuer.not_valid_after_utc))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(
            x509.ExtendedKeyUsage(PURPOSES),
            critical=False,
        )
        .add_extension(x509.SubjectAlternativeName(general_names(names)), critical=False)
        .add_extension(of_issuer, critical=False)
        .sign(signer, hashes.SHA256())
    )
    return _text(certificate)
