# SPDX-License-Identifier: Apache-2.0
"""tls:<what>: the authority of this cloud, whom the machine trusts, and its own certificate."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from debstack.base.errors import AnswerError, ConfigurationError
from debstack.base.run import run
from debstack.base.secret import Secret
from debstack.runtime import systemd
from debstack.runtime.answers import SITE_FILE
from debstack.runtime.context import Context
from debstack.runtime.files import WantedFile, difference, make_folder, read_text, remove, write
from debstack.runtime.site import SYSTEM_AUTHORITIES, TlsMode
from debstack.runtime.step import Change, Step
from debstack.runtime.tls import asking, issuing, places, reading
from debstack.runtime.tls.issuing import Pair

log = logging.getLogger(__name__)

SOCKET = "debstack-sign.socket"
#: Whoever provides a certificate is reminded this long before its end.
_REMIND = timedelta(days=21)


def _now() -> datetime:
    return datetime.now(UTC)


def _write_pair(context: Context, key: str, certificate: str, pair: Pair) -> None:
    """Write the certificate last: a killed run leaves a key that is made anew."""
    make_folder(context.path(key).parent)
    write(WantedFile(path=context.path(key), content=pair.key, mode=0o600))
    write(WantedFile(path=context.path(certificate), content=pair.certificate))


class AuthorityStep(Step):
    """The authority, made once: what it has signed is trusted as long as it is there."""

    id = "tls:authority"
    needs = frozenset({"files:site"})

    def __init__(self, context: Context) -> None:
        self._context = context

    def _make(self) -> None:
        made = issuing.new_authority(self._context.site.hostname, _now())
        _write_pair(self._context, places.AUTHORITY_KEY, places.AUTHORITY, made)

    def changes(self) -> Sequence[Change]:
        """See Step. Raises ConfigurationError for one that cannot be used."""
        found = places.held(self._context.root, places.AUTHORITY_KEY, places.AUTHORITY)
        if found is None:
            return [Change(summary="make an authority for certificates", perform=self._make)]
        try:
            fits = reading.belong_together(found.key, reading.chain_of(found.certificate)[0])
        except ValueError as error:
            raise ConfigurationError(
                f"{places.AUTHORITY}, or its key: cannot be read ({error})", hint=_LOST
            ) from error
        if not fits:
            raise ConfigurationError(
                f"{places.AUTHORITY_KEY}: is not the key of {places.AUTHORITY}", hint=_LOST
            )
        return []

    def declared(self) -> Sequence[str]:
        """See Step."""
        return ["make an authority for certificates"]


_LOST = (
    "put both back from a backup; or remove both, run debstack apply, and export anew for the other"
    " machines of this cloud"
)


class TrustStep(Step):
    """The authority among those that this machine trusts."""

    id = "tls:trust"
    needs = frozenset({"files:site", "tls:authority"})

    def __init__(self, context: Context) -> None:
        self._context = context
        self._path = context.path(places.TRUSTED)

    def _update(self, *options: str) -> None:
        run(["update-ca-certificates", *options], timeout_s=120)

    def _known(self, authority: str) -> bool:
        bundle = self._context.path(SYSTEM_AUTHORITIES)
        return authority.strip() in (read_text(bundle) or "")

    def changes(self) -> Sequence[Change]:
        """See Step."""
        authority = places.authority_of(self._context)
        if not authority:
            if not self._path.exists():
                return []
            told = "trust the authority for certificates no more"
            gone = Change(summary=told, perform=partial(remove, self._path))
            # Else the links to what is gone stay.
            anew = partial(self._update, "--fresh")
            return [gone, Change(summary="update the system's authorities", perform=anew)]
        wanted = WantedFile(path=self._path, content=authority)
        found = []
        if difference(wanted):
            told = f"write {places.TRUSTED}"
            found.append(Change(summary=told, perform=partial(write, wanted)))
        if found or not self._known(authority):
            told = "update the system's authorities"
            found.append(Change(summary=told, perform=self._update))
        return found

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"write {places.TRUSTED}", "update the system's authorities"]


class CertificateStep(Step):
    """A certificate by the authority of this machine, for all names that lead to it."""

    id = "tls:certificate"
    needs = frozenset({"files:site", "tls:authority"})

    def __init__(self, context: Context, *, renew: bool = False) -> None:
        self._context = context
        self._names = (*context.site.tls.names, places.CONTROLLER_NAME)
        self._renew = renew

    def _authority(self) -> Pair:
        found = places.held(self._context.root, places.AUTHORITY_KEY, places.AUTHORITY)
        if found is None:
            raise ConfigurationError(
                f"{places.AUTHORITY}: does not exist", hint="run: debstack apply"
            )
        return found

    def _make(self) -> None:
        key = issuing.new_key()
        public = issuing.private_of(key).public_key()
        node = self._context.site.hostname
        certificate = issuing.signed(self._authority(), public, node, self._names, _now())
        made = Pair(key=key, certificate=certificate)
        _write_pair(self._context, places.KEY, places.CERTIFICATE, made)

    def changes(self) -> Sequence[Change]:
        """See Step."""
        found = places.held(self._context.root, places.KEY, places.CERTIFICATE)
        why = _why_new(found, self._authority().certificate, self._names)
        why = why or ("asked for" if self._renew else "")
        if not why:
            return []
        told = f"make a certificate for {', '.join(self._names[:3])}… ({why})"
        return [Change(summary=told, perform=self._make)]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return ["make a certificate for the names of this machine"]


class JoinedCertificateStep(Step):
    """A certificate by the authority of the cloud's first machine, which is asked for it."""

    id = "tls:certificate"
    needs = frozenset({"files:site", "tls:trust"})

    def __init__(self, context: Context, *, renew: bool = False) -> None:
        self._context = context
        self._site = context.site
        self._renew = renew
        if not self._site.has_broker:
            # A cloud that cannot be reached is told of once.
            self.needs |= {"messaging:rabbitmq"}

    def _make(self, former: Pair | None) -> None:
        identity = self._site.identity
        host = asking.host_of(identity.url) if identity else ""
        if not host:
            raise AnswerError(
                "openstack/identity-url",
                "needed to know which machine has the authority for certificates, and empty",
                hint=f"put the URL of Keystone into {SITE_FILE}; then: debstack apply",
            )
        made = asking.ask(
            host,
            self._site.tls.authority,
            self._site.hostname,
            self._site.tls.names,
            secret=self._site.secrets.get("openstack/join-secret", Secret("")),
            former=former,
        )
        _write_pair(self._context, places.KEY, places.CERTIFICATE, made)

    def changes(self) -> Sequence[Change]:
        """See Step. Raises DebstackError."""
        tls = self._site.tls
        found = places.held(self._context.root, places.KEY, places.CERTIFICATE)
        why = _why_new(found, tls.authority, tls.names) or ("asked for" if self._renew else "")
        if not why:
            return []
        usable = found if found and reading.usable(found, tls.authority, _now()) else None
        told = f"ask for a certificate for {self._site.hostname} ({why})"
        return [Change(summary=told, perform=partial(self._make, usable))]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return ["ask for a certificate for the names of this machine"]


def _why_new(found: Pair | None, authority: str, names: Sequence[str]) -> str:
    key, certificate = (found.key, found.certificate) if found else (None, None)
    return reading.why_new(key, certificate, authority, names, _now())


class ProvidedStep(Step):
    """The certificate that the administrator provides: looked at before anything uses it."""

    needs = frozenset({"files:site", "tls:trust"})

    def __init__(self, context: Context) -> None:
        self._context = context
        self._tls = tls = context.site.tls
        self.id = "tls:public-certificate" if tls.for_users else "tls:certificate"
        self._names = tls.public_names[:1] if tls.for_users else tls.public_names

    def _text(self, question: str, path: str) -> str:
        if not path:
            given = "the other one is given" if self._tls.for_users else "openstack/tls is provided"
            raise AnswerError(
                f"openstack/{question}",
                f"needed where {given}, and empty",
                hint=f"debstack answers set openstack/{question} FILE; then: debstack apply",
            )
        found = read_text(self._context.path(path))
        if not found:
            raise AnswerError(
                f"openstack/{question}",
                f"{path}: does not exist, or is empty",
                hint="put the file there, then run: debstack apply",
            )
        return found

    def _refuse(self, question: str, path: str, what: str) -> AnswerError:
        return AnswerError(
            f"openstack/{question}", f"{path}: {what}", hint="correct it, then run: debstack apply"
        )

    def _check(self, key: Secret, text: str) -> None:
        tls = self._tls
        try:
            leaf = reading.chain_of(text)[0]
        except ValueError as error:
            told = f"expected certificates as PEM ({error})"
            raise self._refuse("tls-certificate", tls.certificate, told) from error
        try:
            fits = reading.belong_together(key, leaf)
        except ValueError as error:
            told = f"expected a private key as PEM, without a password ({error})"
            raise self._refuse("tls-key", tls.key, told) from error
        if not fits:
            raise self._refuse("tls-key", tls.key, f"is not the key of {tls.certificate}")
        for name in self._names:
            problem = reading.verification_problem(
                self._context.path(tls.certificate), self._authorities(), name
            )
            if problem:
                told = f"cannot be used for {name}: {problem}"
                if "issuer" in problem:
                    told += f"; behind it belong those that lead to one of {self._authorities()}"
                raise self._refuse("tls-certificate", tls.certificate, told)
        if tls.shows and not tls.for_users:
            file = self._context.path(tls.certificate)
            problem = reading.verification_problem(file, self._authorities())
            if problem:
                told = f"cannot be shown to servers of other machines: {problem}"
                raise self._refuse("tls-certificate", tls.certificate, told)
        left = leaf.not_valid_after_utc - _now()
        if left < _REMIND:
            log.warning("%s: ends in %d days: put a new one there", tls.certificate, left.days)

    def _authorities(self) -> Path:
        given = self._context.site.answers.get("openstack/identity-ca", "")
        return self._context.path(given or SYSTEM_AUTHORITIES)

    def changes(self) -> Sequence[Change]:
        """See Step. There is nothing to change. Raises AnswerError for what cannot be used."""
        text = self._text("tls-certificate", self._tls.certificate)
        self._check(Secret(self._text("tls-key", self._tls.key)), text)
        return []

    def declared(self) -> Sequence[str]:
        """See Step."""
        return []


class SigningStep(Step):
    """Other machines of the cloud may ask the authority for certificates."""

    id = "tls:signing"
    needs = frozenset({"files:site", "tls:authority"})

    def changes(self) -> Sequence[Change]:
        """See Step. A socket that the administrator masked or disabled stays so."""
        if not systemd.to_be_started(SOCKET):
            return []
        start = partial(systemd.bring_up, SOCKET, "start")
        return [Change(summary=f"start {SOCKET}", perform=start)]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"start {SOCKET}"]


def certificate_steps(context: Context, *, renew: bool = False) -> list[Step]:
    """Return what makes this machine's certificate, a new one if it is to `renew` it."""
    tls = context.site.tls
    if not tls.serves or tls.mode is TlsMode.OFF:
        return []
    if tls.mode is TlsMode.PROVIDED:
        return [ProvidedStep(context)]
    provided = [ProvidedStep(context)] if tls.for_users else []
    if tls.authority:
        return [JoinedCertificateStep(context, renew=renew), *provided]
    return [AuthorityStep(context), CertificateStep(context, renew=renew), *provided]


def _has_authority(context: Context) -> bool:
    tls = context.site.tls
    return tls.mode is TlsMode.LOCAL_CA and tls.serves and not tls.authority


def signs(context: Context) -> bool:
    """Return whether this machine has the authority that other machines of the cloud ask."""
    return _has_authority(context) and context.site.joined


def build(context: Context) -> list[Step]:
    """Return what this machine needs of it."""
    # At the loopback, in any case: so it is after a boot, too.
    signing = [SigningStep()] if _has_authority(context) else []
    return [TrustStep(context), *certificate_steps(context), *signing]
