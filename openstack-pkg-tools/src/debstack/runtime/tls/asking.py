# SPDX-License-Identifier: Apache-2.0
"""Asking the authority on the cloud's first machine for a certificate."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Sequence
from urllib.parse import urlsplit

from debstack.base.errors import AnswerError, AuthorityUnavailable, DebstackError
from debstack.base.secret import Secret
from debstack.runtime.tls import issuing, request
from debstack.runtime.tls.issuing import Pair

TIMEOUT_S = 30.0
_SECRET = "openstack/join-secret"  # noqa: S105 - the name of the question


def host_of(identity_url: str) -> str:
    """Return the host of the cloud's first machine: the one with Keystone."""
    return urlsplit(identity_url).hostname or ""


def _post(host: str, authority: str, text: str) -> tuple[int, str]:
    context = ssl.create_default_context(cadata=authority)
    connection = http.client.HTTPSConnection(host, request.PORT, timeout=TIMEOUT_S, context=context)
    try:
        connection.request("POST", request.PATH, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        return answer.status, answer.read(request.MAXIMUM_BYTES).decode("utf-8", "replace")
    finally:
        connection.close()


def ask(
    host: str,
    authority: str,
    node: str,
    names: Sequence[str],
    *,
    secret: Secret,
    former: Pair | None,
) -> Pair:
    """Return a new key with a certificate for `names` by `authority`, which listens at `host`.

    `former` is what the machine has by now; where it has nothing valid, `secret` is shown. Raises
    AuthorityUnavailable, and DebstackError where the authority refuses.
    """
    if former is None and not secret:
        raise AnswerError(
            _SECRET,
            f"needed to get a certificate from {host}, and not given",
            hint="on the cloud's first machine, as root: debstack export --output FILE; on this"
            " one: debconf-set-selections < FILE && debstack apply",
        )
    key = issuing.new_key()
    where = f"the cloud's authority at {host} port {request.PORT}"
    text = request.made(key, node, names, secret=secret, former=former)
    try:
        status, said = _post(host, authority, text)
    except ssl.SSLCertVerificationError as error:
        raise DebstackError(
            f"{where}: not the one that this machine was told to trust ({error.verify_message})",
            hint="take openstack/authority from a new debstack export",
        ) from error
    except (OSError, http.client.HTTPException) as error:
        raise AuthorityUnavailable(
            f"{where}: cannot be reached ({error})",
            hint="check that it runs and is reached from here; then: debstack apply",
        ) from error
    if status in (502, 503, 504):
        raise AuthorityUnavailable(
            f"{where}: does not serve now ({status})",
            hint="see there: systemctl status debstack-sign.socket; then: debstack apply",
        )
    if status != http.HTTPStatus.OK:
        raise DebstackError(f"{where}: refused: {said}", hint="then run: debstack apply")
    return Pair(key=key, certificate=said)
