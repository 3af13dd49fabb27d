# SPDX-License-Identifier: Apache-2.0
"""front:haproxy: HAProxy terminates TLS at the address of this machine, for its services.

The services listen at the loopback, at the same ports. HAProxy reads its own configuration, which
is the administrator's, and ours besides.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Mapping, Sequence
from functools import partial

from debstack.base.errors import AnswerError, CommandError, ConfigurationError
from debstack.base.run import run
from debstack.base.secret import Secret
from debstack.runtime import freshness, systemd
from debstack.runtime.context import Context
from debstack.runtime.facts import can_bind
from debstack.runtime.files import WantedFile, difference, remove, told, write
from debstack.runtime.haproxy import (
    CONFIGURATION,
    NO_HEALTH_PATH,
    PEM,
    PUBLIC_PEM,
    Front,
    configuration,
    drop_in,
)
from debstack.runtime.series import role_manifests, series_manifests
from debstack.runtime.site import Site, TlsMode
from debstack.runtime.step import Change, Step
from debstack.runtime.steps import tls
from debstack.runtime.substitution import holds
from debstack.runtime.tls import places, request
from debstack.runtime.tls.issuing import Pair
from debstack.runtime.urls import is_address
from debstack.spec.vocabulary import Manifest, UnitKind

DROP_IN = "/etc/systemd/system/haproxy.service.d/50-debstack.conf"
UNIT = "haproxy.service"
PROGRAM = "/usr/sbin/haproxy"
_CONNECT_TIMEOUT_S = 5.0
_DEADLINE_S = 30.0
_POLL_S = 0.05


def fronts_of(context: Context) -> list[Front]:
    """Return the services of this machine that have a port and run, in order of their ports.

    The authority is one of them, where other machines may ask it; where this machine is the public
    face of the cloud, the services of other machines are.
    """
    trusting = _trusting(context)
    controllers = context.site.controllers
    chosen = _chosen_addresses(context.site)
    # One that others have now may come to the public face.
    public = chosen if controllers else tuple(filter(can_bind, chosen))
    found = [
        Front(
            name=name,
            port=unit.port,
            upgrades=unit.kind is UnitKind.DAEMON,
            trusting=trusting,
            addresses=public if unit.port in _public_ports(manifest) else (),
            pem=_public_pem(context.site) if unit.port in _public_ports(manifest) else PEM,
        )
        for manifest in context.manifests
        for name, unit in manifest.package.unit.items()
        if unit.port and holds(context.site, manifest, unit.when)
    ]
    if tls.signs(context):
        found.append(Front(name="debstack-sign", port=request.PORT, upgrades=False))
    if controllers:
        taken = {front.port for front in found}
        found += [f for f in public_fronts(context, controllers) if f.port not in taken]
    return sorted(found, key=lambda front: front.port)


def _trusting(context: Context) -> bool:
    """Return whether there are other machines that show certificates of the cloud's authority."""
    site = context.site
    ours = site.tls.mode is TlsMode.LOCAL_CA and not site.controllers
    return ours and (site.joined or bool(site.tls.authority))


def _chosen_addresses(site: Site) -> tuple[str, ...]:
    """Return the addresses that users come by, where that is not the one of this machine."""
    host = site.answers.get("openstack/public-host", "")
    # A name leads to one of them, or to an address that is not known here.
    found = (host, site.virtual_address) if is_address(host) else (site.virtual_address,)
    return tuple(dict.fromkeys(one for one in found if one not in ("", site.management_address)))


def _public_pem(site: Site) -> str:
    return PUBLIC_PEM if site.tls.for_users else PEM


def public_fronts(context: Context, controllers: Sequence[str]) -> list[Front]:
    """Return what this machine passes on to `controllers`, as the public face of the cloud.

    That is what the catalogue names, consoles and the dashboard: not what machines ask each other.
    Which of it the controllers have, they show themselves: it is there as soon as it answers.
    """
    ours = context.site.tls.mode is TlsMode.LOCAL_CA
    of_role = {manifest.binary for manifest in role_manifests(context.root, "controller")}
    return [
        Front(
            name=name,
            port=unit.port,
            upgrades=unit.kind is UnitKind.DAEMON,
            machines=tuple(controllers),
            health_path=(unit.health_path or NO_HEALTH_PATH) if unit.kind is UnitKind.WSGI else "",
            shown_name=places.CONTROLLER_NAME if ours else "",
            optional=manifest.binary not in of_role or unit.when is not None,
            addresses=_chosen_addresses(context.site),
            pem=_public_pem(context.site),
        )
        for manifest in series_manifests(context.root)
        for name, unit in manifest.package.unit.items()
        if unit.port in _public_ports(manifest)
    ]


def _public_ports(manifest: Manifest) -> set[int]:
    """Return the ports that users come by: the catalogue's, consoles', a web application's own."""
    endpoints = {service.endpoint.port for service in manifest.package.service.values()}
    return {
        unit.port
        for unit in manifest.package.unit.values()
        if unit.port and (not endpoints or unit.port in endpoints or unit.kind is UnitKind.DAEMON)
    }


def served(address: str, port: int) -> bytes | None:
    """Return the certificate (DER) that is shown at `address`, None where no TLS is spoken.

    Raises OSError where nobody listens.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    # In 1.3 the server still writes after the handshake: HAProxy would log that nobody reads it.
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with socket.create_connection((address, port), timeout=_CONNECT_TIMEOUT_S) as plain:
        try:
            with context.wrap_socket(plain) as secured:
                return secured.getpeercert(binary_form=True)
        except (ssl.SSLError, ConnectionError, TimeoutError):
            return None


class FrontStep(Step):
    """HAProxy, with the certificate of this machine, in front of each of its services."""

    id = "front:haproxy"
    needs = frozenset({"files:site", "tls:certificate", "tls:public-certificate", "tls:trust"})

    def __init__(self, context: Context, fronts: Sequence[Front]) -> None:
        self._context = context
        self._fronts = fronts
        self._address = context.site.management_address

    def _pairs(self) -> dict[str, Pair]:
        """Return the certificates and keys that are shown, by the file that HAProxy has them in."""
        if not self._fronts:
            return {}
        found = {PEM: places.machine_pair(self._context)}
        if self._context.site.tls.for_users:
            found[PUBLIC_PEM] = places.public_pair(self._context)
        return found

    def _files(self, pairs: Mapping[str, Pair]) -> list[tuple[str, WantedFile]]:
        text = configuration(self._fronts, self._address, self._context.site.bind_address)
        found = [
            (DROP_IN, WantedFile(path=self._context.path(DROP_IN), content=drop_in())),
            (CONFIGURATION, WantedFile(path=self._context.path(CONFIGURATION), content=text)),
        ]
        for absolute, pair in pairs.items():
            content = Secret(pair.certificate.rstrip("\n") + "\n" + pair.key)
            pem = WantedFile(path=self._context.path(absolute), content=content, mode=0o600)
            found.insert(0, (absolute, pem))
        return found

    def _written(self, pairs: Mapping[str, Pair]) -> list[Change]:
        found = [
            Change(summary=told(how, absolute), perform=partial(write, wanted))
            for absolute, wanted in self._files(pairs)
            if (how := difference(wanted))
        ]
        former = self._context.path(PUBLIC_PEM)
        if PUBLIC_PEM not in pairs and former.exists():
            found.append(Change(summary=f"remove {PUBLIC_PEM}", perform=partial(remove, former)))
        return found

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

    def _wrong(self, expected: Mapping[str, bytes]) -> str:
        """Return at which place HAProxy does not do as it is told; empty if it does everywhere."""
        for front in self._fronts:
            place = f"{self._address} port {front.port}"
            try:
                shown = served(self._address, front.port)
            except OSError as error:
                return f"{place}: {error}"
            if shown is None:
                return f"{place}: no TLS"
            if shown != expected[front.pem]:
                return f"{place}: another certificate"
        return ""

    def _await(self, expected: Mapping[str, bytes]) -> None:
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

    def _bring_up(self, verb: str, expected: Mapping[str, bytes]) -> None:
        self._check()
        if systemd.unit_state(UNIT).needs_reload:
            systemd.daemon_reload()
        if verb == "reload":
            run(["systemctl", "reload", UNIT], timeout_s=60)
        else:
            systemd.bring_up(UNIT, verb)
        self._await(expected)

    def _restarts(self, found: Sequence[Change]) -> bool:
        """Return whether HAProxy heeds `found`, that are files to write, by a restart only."""
        # With nothing to serve it has to have let go of all ports at once.
        return not self._fronts or any(change.summary.endswith(DROP_IN) for change in found)

    def _started_before(self, state: systemd.UnitState) -> bool:
        """Return whether what a reload does not heed was written after HAProxy had started.

        So it is where an apply was killed before the restart.
        """
        restarting = [DROP_IN] if self._fronts else [DROP_IN, CONFIGURATION]
        paths = map(self._context.path, restarting)
        return state.since is not None and freshness.newest(paths, state.since) is not None

    def changes(self) -> Sequence[Change]:
        """See Step. HAProxy that the administrator masked, or disabled and stopped, stays so."""
        pairs = self._pairs()
        expected = {
            path: ssl.PEM_cert_to_DER_cert(_first(pair.certificate)) for path, pair in pairs.items()
        }
        state = systemd.unit_state(UNIT)
        found = self._written(pairs)
        running = state.active in ("active", "reloading")
        if systemd.left_alone(UNIT, state):
            return found
        if not running:
            verb = "start"
        elif (found and self._restarts(found)) or self._started_before(state):
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
