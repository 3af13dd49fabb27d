# SPDX-License-Identifier: Apache-2.0
"""What a machine sends to the cloud's authority, and what that is sure of when it has it. Pure.

The key never leaves the machine: a request (PKCS #10) is signed with it. A machine that has a
certificate already signs the request with the key of that one too, and needs nothing else to have
the same names again.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from debstack.base.secret import Secret
from debstack.runtime.tls import reading
from debstack.runtime.tls.issuing import Pair, general_names, named, private_of

#: Where the authority listens, by TLS, on the cloud's first machine.
PORT = 5002
PATH = "/certificate"
#: More than any request of ours has.
MAXIMUM_BYTES = 65536


class Refused(Exception):
    """The authority does not sign; the text tells the machine that asked why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """A request as it was read, its own signature verified."""

    #: The name of the machine.
    node: str
    names: tuple[str, ...]
    key: ec.EllipticCurvePublicKey
    secret: Secret = field(default=Secret(""), repr=False)
    #: The certificate that the machine has, once it has proved that it has its key.
    certificate: x509.Certificate | None = None


def made(
    key: Secret, node: str, names: Sequence[str], *, secret: Secret, former: Pair | None
) -> str:
    """Return the text to send: a request by `key`, with the join secret and what came before."""
    request = (
        x509.CertificateSigningRequestBuilder()
        .subject_name(named(node))
        .add_extension(x509.SubjectAlternativeName(general_names(names)), critical=False)
        .sign(private_of(key), hashes.SHA256())
    )
    pem = request.public_bytes(serialization.Encoding.PEM)
    body = {"request": pem.decode("ascii"), "secret": str(secret)}
    if former is not None:
        proof = private_of(former.key).sign(pem, ec.ECDSA(hashes.SHA256()))
        body |= {
            "certificate": former.certificate,
            "proof": base64.b64encode(proof).decode("ascii"),
        }
    return json.dumps(body)


def _proved(body: dict[str, str], pem: bytes) -> x509.Certificate | None:
    if "certificate" not in body:
        return None
    certificate = reading.chain_of(body["certificate"])[0]
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Refused("the certificate that you have is not one of this authority")
    try:
        key.verify(base64.b64decode(body["proof"]), pem, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature as error:
        raise Refused("the request is not signed with the key of your certificate") from error
    return certificate


def read(text: bytes) -> Request:
    """Return what was sent. Raises Refused for anything but a request that is well-formed."""
    try:
        body: dict[str, str] = json.loads(text)
        pem = body["request"].encode("ascii")
        request = x509.load_pem_x509_csr(pem)
        key = request.public_key()
        (common,) = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
        extension = request.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        certificate = _proved(body, pem)
        secret = Secret(body.get("secret", ""))
    except (
        *(ValueError, TypeError, KeyError, AttributeError, UnicodeError),
        *(binascii.Error, x509.ExtensionNotFound),
    ) as error:
        raise Refused(f"not a request for a certificate ({type(error).__name__})") from error
    if not isinstance(key, ec.EllipticCurvePublicKey) or key.curve.key_size < 256:
        raise Refused("expected a key of an elliptic curve of at least 256 bits")
    if not request.is_signature_valid:
        raise Refused("the request is not signed with its own key")
    found = extension.value
    names = (
        *found.get_values_for_type(x509.DNSName),
        *map(str, found.get_values_for_type(x509.IPAddress)),
    )
    return Request(
        node=str(common.value), names=names, key=key, secret=secret, certificate=certificate
    )
