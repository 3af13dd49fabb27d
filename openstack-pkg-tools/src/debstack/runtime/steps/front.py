# SPDX-License-Identifier: Apache-2.0
"""front:haproxy: HAProxy terminates TLS at the address of this machine, for its services.

The services listen at the loopback, at the same ports. HAProxy reads its own configuration, which
is the administrator's, and ours besides.
"""

from __future__ import annotations

import logging
import socket
import ssl
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from debstack.base.errors import AnswerError, CommandError, ConfigurationError
from debstack.base.run import run
from debstack.base.secret import Secret
from debstack.runtime import systemd
from debstack.runtime.context import Context
from debstack.runtime.files import WantedFile, difference, told, write
from debstack.runtime.series import role_manifests
from debstack.runtime.site import SYSTEM_AUTHORITIES, TlsMode
from debstack.runtime.step import Change, Step
from debstack.runtime.steps import tls
from debstack.runtime.substitution import holds
from debstack.runtime.tls import places, request
from debstack.runtime.tls.issuing import Pair
from debstack.runtime.urls import bracketed
from debstack.spec.vocabulary import Manifest, UnitKind

log = logging.getLogger(__name__)

CONFIGURATION = "/etc/debstack/haproxy.cfg"
PEM = "/etc/debstack/tls/haproxy.pem"
DROP_IN = "/etc/systemd/system/haproxy.service.d/50-debstack.conf"
UNIT = "haproxy.service"
PROGRAM = "/usr/sbin/haproxy"
_CONNECT_TIMEOUT_S = 5.0
_DEADLINE_S = 30.0
_POLL_S = 0.05

_HEADER = """\
# Made by debstack; it is overwritten: do not edit it. HAProxy reads it after
# /etc/haproxy/haproxy.cfg, which is yours.
"""
#: A user may have an upload, a stopped console or a slow scheduler wait long.
_DEFAULTS = """
defaults debstack
\tmode http
\tlog global
\toption httplog
\toption dontlognull
\toption dontlog-normal
\toption http-keep-alive
\ttimeout connect 5s
\ttimeout http-request 30s
\ttimeout http-keep-alive 60s
\ttimeout client 10m
\ttimeout server 10m
\ttimeout tunnel 24h
"""
#: What clients say of themselves is not passed on: only HAProxy knows.
_FRONT = """
frontend debstack:{name} from debstack
\tbind {address}:{port} transparent ssl crt {pem} alpn {protocols} ssl-min-ver TLSv1.2
\thttp-request del-header Forwarded
\thttp-request del-header X-Forwarded-For
\thttp-request set-header X-Forwarded-For %[src]
\thttp-request set-header X-Forwarded-Proto https
\tdefault_backend debstack:{name}

backend debstack:{name} from debstack
"""
_HERE = "\tserver here {backend}:{port}\n"
#: One that does not answer is left out until it does; what it was asked goes to another one.
_CHECKED = """\
\toption redispatch
\toption httpchk
\thttp-check send meth GET uri {path} hdr Host {host}
\thttp-check expect rstatus ^(200|300)$
"""
_ELSEWHERE = (
    "\tserver {name} {host}:{port} ssl verify required ca-file {ca} verifyhost {shown}"
    " check inter 2s fall 2 rise 1\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    """A service for which TLS is terminated."""

    #: The unit that serves.
    name: str
    port: int
    #: Whether its protocol is more than HTTP, as that of consoles (WebSocket).
    upgrades: bool
    #: Machines that serve, by TLS too; empty for this one.
    machines: tuple[str, ...] = ()
    #: For those: the path that answers where they work; empty if a connection tells all.
    health_path: str = ""
    #: For those: the name that their certificates have in common; empty if they have none.
    shown_name: str = ""


def fronts_of(context: Context) -> list[Front]:
    """Return the services of this machine that have a port and run, in order of their ports.

    The authority is one of them, where other machines may ask it; where this machine is the public
    face of the cloud, the services of other machines are.
    """
    found = [
        Front(name=name, port=unit.port, upgrades=unit.kind is UnitKind.DAEMON)
        for manifest in context.manifests
        for name, unit in manifest.package.unit.items()
        if unit.port and holds(context.site, manifest, unit.when)
    ]
    if tls.signs(context):
        found.append(Front(name="debstack-sign", port=request.PORT, upgrades=False))
    controllers = context.site.controllers
    if controllers:
        taken = {front.port for front in found}
        found += [f for f in public_fronts(context, controllers) if f.port not in taken]
    return sorted(found, key=lambda front: front.port)


def public_fronts(context: Context, controllers: Sequence[str]) -> list[Front]:
    """Return what this machine passes on to `controllers`, as the public face of the cloud.

    That is what the catalogue names, and consoles: not what machines ask each other.
    """
    ours = context.site.tls.mode is TlsMode.LOCAL_CA
    shown = places.CONTROLLER_NAME if ours else ""
    return [
        Front(
            name=name,
            port=unit.port,
            upgrades=unit.kind is UnitKind.DAEMON,
            machines=tuple(controllers),
            health_path=unit.health_path if unit.kind is UnitKind.WSGI else "",
            shown_name=shown,
        )
        for manifest in role_manifests(context.root, "controller")
        for name, unit in manifest.package.unit.items()
        if unit.port in _public_ports(manifest) and holds(context.site, manifest, unit.when)
    ]


def _public_ports(manifest: Manifest) -> set[int]:
    endpoints = {service.endpoint.port for service in manifest.package.service.values()}
    units = manifest.package.unit.values()
    return endpoints | {u.port for u in units if u.port and u.kind is UnitKind.DAEMON}


def _backend(front: Front, backend: str) -> str:
    if not front.machines:
        return _HERE.format(backend=bracketed(backend), port=front.port)
    first = front.machines[0]
    checked = _CHECKED.format(path=front.health_path, host=bracketed(first))
    servers = [
        _ELSEWHERE.format(
            name=f"controller-{number}",
            host=bracketed(host),
            shown=front.shown_name or host,
            port=front.port,
            ca=SYSTEM_AUTHORITIES,
        )
        for number, host in enumerate(front.machines, 1)
    ]
    return "".join([checked if front.health_path else "", *servers])


def configuration(fronts: Sequence[Front], address: str, backend: str) -> str:
    """Return what HAProxy reads besides its own configuration."""
    if not fronts:
        return _HEADER
    parts = [
        _FRONT.format(
            name=front.name,
            port=front.port,
            address=bracketed(address),
            pem=PEM,
            protocols="http/1.1" if front.upgrades else "h2,http/1.1",
        )
        + _backend(front, backend)
        for front in fronts
    ]
    return "".join([_HEADER, _DEFAULTS, *parts])


def drop_in() -> str:
    """Return the drop-in that makes Debian's unit of HAProxy read our configuration too."""
    return (
        "# Made by debstack; it is overwritten: do not edit it.\n"
        "[Service]\n"
        f'Environment="EXTRAOPTS=-S /run/haproxy-master.sock -f {CONFIGURATION}"\n'
    )


def served(address: str, port: int) -> bytes | None:
    """Return the certificate (DER) that is shown at `address`, None where no TLS is spoken.

    Raises OSError where nobody listens.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with socket.create_connection((address, port), timeout=_CONNECT_TIMEOUT_S) as plain:
        try:
            with context.wrap_socket(plain) as secured:
                return secured.getpeercert(binary_form=True)
        except (ssl.SSLError, ConnectionError, TimeoutError):
            return None


class FrontStep(Step):
    """HAProxy, with the certificate of this machine, in front of each of its services."""

    id = "front:haproxy"
    needs = frozenset({"files:site", "tls:certificate", "tls:trust"})

    def __init__(self, context: Context, fronts: Sequence[Front]) -> None:
        self._context = context
        self._fronts = fronts
        self._address = context.site.management_address

    def _files(self, pair: Pair | None) -> list[tuple[str, WantedFile]]:
        text = configuration(self._fronts, self._address, self._context.site.bind_address)
        found = [
            (DROP_IN, WantedFile(path=self._context.path(DROP_IN), content=drop_in())),
            (CONFIGURATION, WantedFile(path=self._context.path(CONFIGURATION), content=text)),
        ]
        if pair is not None:
            content = Secret(pair.certificate.rstrip("\n") + "\n" + pair.key)
            pem = WantedFile(path=self._context.path(PEM), content=content, mode=0o600)
            found.insert(0, (PEM, pem))
        return found

    def _written(self, pair: Pair | None) -> list[Change]:
        return [
            Change(summary=told(how, absolute), perform=partial(write, wanted))
            for absolute, wanted in self._files(pair)
            if (how := difference(wanted))
        ]

    def _in_the_way(self) -> list[Change]:
        """Return what frees the ports: a service that still listens where TLS is to be."""
        found = []
        for front in self._fronts:
            try:
                taken = served(self._address, front.port) is None
            except OSError:
                continue
            service = f"{front.name}.service"
            if taken and systemd.unit_state(service).active in ("active", "activating"):
                summary = f"stop {front.name}, which is in the place of TLS"
                found.append(Change(summary=summary, perform=partial(systemd.stop, service)))
        return found

    def _expected(self, pair: Pair | None) -> bytes | None:
        return ssl.PEM_cert_to_DER_cert(_first(pair.certificate)) if pair else None

    def _wrong(self, expected: bytes | None) -> str:
        """Return at which place HAProxy does not do as it is told; empty if it does everywhere."""
        for front in self._fronts:
            place = f"{self._address} port {front.port}"
            try:
                shown = served(self._address, front.port)
            except OSError as error:
                return f"{place}: {error}"
            if shown is None:
                return f"{place}: no TLS"
            if shown != expected:
                return f"{place}: another certificate"
        return ""

    def _await(self, expected: bytes | None) -> None:
        end = time.monotonic() + _DEADLINE_S
        pause = threading.Event()
        while wrong := self._wrong(expected):
            if time.monotonic() >= end:
                raise systemd.not_up(UNIT, f"TLS is not as it is to be ({wrong})")
            pause.wait(_POLL_S)

    def _check(self) -> None:
        """Ask HAProxy what it thinks of both configurations. Raises ConfigurationError."""
        own = "/etc/haproxy/haproxy.cfg"
        argv = [PROGRAM, "-c", "-f", own, "-f", str(self._context.path(CONFIGURATION))]
        try:
            run(argv, timeout_s=60)
        except CommandError as error:
            raise ConfigurationError(
                error.message, hint=f"correct {own}, then run: debstack apply"
            ) from error

    def _bring_up(self, verb: str, expected: bytes | None) -> None:
        self._check()
        if systemd.unit_state(UNIT).needs_reload:
            systemd.daemon_reload()
        if verb == "reload":
            run(["systemctl", "reload", UNIT], timeout_s=60)
        else:
            systemd.bring_up(UNIT, verb)
        self._await(expected)

    def changes(self) -> Sequence[Change]:
        """See Step. HAProxy that the administrator masked, or disabled and stopped, stays so."""
        pair = places.machine_pair(self._context) if self._fronts else None
        expected = self._expected(pair)
        state = systemd.unit_state(UNIT)
        found = self._written(pair)
        running = state.active in ("active", "reloading")
        if state.masked or (state.disabled and not running):
            word = "masked" if state.masked else "disabled and stopped"
            log.warning("%s is %s: it is left so", UNIT, word)
            return found
        if not running:
            verb = "start"
        elif found and (
            # With nothing to serve it has to have let go of all ports at once.
            not self._fronts
            or state.needs_reload
            or any(change.summary.endswith(DROP_IN) for change in found)
        ):
            verb = "restart"
        elif found or self._wrong(expected):
            verb = "reload"
        else:
            return []
        summary = f"{verb} {UNIT}"
        up = Change(summary=summary, perform=partial(self._bring_up, verb, expected))
        return [*found, *self._in_the_way(), up]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"write {PEM}", f"write {CONFIGURATION}", f"start {UNIT}, or reload it"]


def _first(certificates: str) -> str:
    """Return the first certificate of a PEM file."""
    end = "-----END CERTIFICATE-----\n"
    return certificates[certificates.index("-----BEGIN") :].partition(end)[0] + end


def build(context: Context) -> list[Step]:
    """Return the step, where there is something to serve by TLS, or was."""
    on = context.site.tls.mode is not TlsMode.OFF
    fronts = fronts_of(context) if on else []
    if not fronts and not context.path(CONFIGURATION).exists():
        return []
    if fronts and not context.path(PROGRAM).exists():
        raise AnswerError(
            "openstack/tls",
            f"{context.site.tls.mode} needs HAProxy, which is not on this machine",
            hint="run: apt-get install haproxy; or: debstack answers set openstack/tls off",
        )
    return [FrontStep(context, fronts)]
