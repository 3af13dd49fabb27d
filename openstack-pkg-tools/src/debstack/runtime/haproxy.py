# SPDX-License-Identifier: Apache-2.0
"""What HAProxy is told, for the services that it stands in front of. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from debstack.runtime.site import SYSTEM_AUTHORITIES
from debstack.runtime.tls import places
from debstack.runtime.urls import bracketed

CONFIGURATION = "/etc/debstack/haproxy.cfg"
PEM = "/etc/debstack/tls/haproxy.pem"
#: Where users see another certificate than the machines of the cloud.
PUBLIC_PEM = "/etc/debstack/tls/public.pem"

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
_BIND = (
    "\tbind {address}:{port} transparent ssl crt {pem} alpn {protocols}"
    " ssl-min-ver TLSv1.2{asked}\n"
)
#: What clients say of themselves is not passed on: only HAProxy knows.
_FRONT = """
frontend debstack:{name} from debstack
{binds}\thttp-request del-header Forwarded
{origin}\thttp-request set-header X-Forwarded-Proto https
\tdefault_backend debstack:{name}

backend debstack:{name} from debstack
"""
_ORIGIN = """\
\thttp-request del-header X-Forwarded-For{unless}
\thttp-request set-header X-Forwarded-For %[src]{unless}
"""
#: Who has a certificate of the cloud's own authority may show it, and nobody has to: anything else
#: that is shown is as good as nothing.
_ASKED = " ca-file {authority} verify optional crt-ignore-err all ca-ignore-err all"
#: The public face of the cloud shows its certificate, and says for whom it asks.
_OF_THE_CLOUD = """\
\tacl shown ssl_c_used
\tacl verified ssl_c_verify 0
\tacl told req.hdr(X-Forwarded-For) -m found
"""
_UNLESS_OF_THE_CLOUD = " unless shown verified told"
_HERE = "\tserver here {backend}:{port}\n"
#: One that does not answer is left out until it does; what it was asked goes to another one.
_CHECKED = """\
\toption redispatch
\toption httpchk
\thttp-check send meth GET uri {path} hdr Host {host}
\thttp-check expect rstatus ^(200|300)$
"""
#: That nobody serves it is no news, where it is not known that anybody should.
_OPTIONAL = "\tno log\n"
_ELSEWHERE = (
    "\tserver {name} {host}:{port} ssl verify required ca-file {ca} verifyhost {shown}{proof}"
    " check {pace} fall 2 rise 1\n"
)
_PACE = "inter 2s"
#: Where there is no page for that: the one that is asked instead is one that the service logs.
_SLOW_PACE = "inter 10s fastinter 1s downinter 2s"
NO_HEALTH_PATH = "/"


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
    #: For those: the path that answers where they work, NO_HEALTH_PATH for just any; empty if a
    #: connection tells all.
    health_path: str = ""
    #: For those: the name that their certificates have in common; empty if they have none.
    shown_name: str = ""
    #: For those: whether a cloud may do without it.
    optional: bool = False
    #: Addresses at which it is served, besides that of this machine.
    addresses: tuple[str, ...] = ()
    #: Whether other machines of the cloud are believed for whom they ask.
    trusting: bool = False
    #: The file with the certificate that it shows, and its key.
    pem: str = PEM


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
            proof=f" crt {PEM}" if front.shown_name else "",
            pace=_SLOW_PACE if front.health_path == NO_HEALTH_PATH else _PACE,
        )
        for number, host in enumerate(front.machines, 1)
    ]
    quiet = _OPTIONAL if front.optional else ""
    return "".join([quiet, checked if front.health_path else "", *servers])


def _binds(front: Front, address: str) -> str:
    return "".join(
        _BIND.format(
            address=bracketed(one),
            port=front.port,
            pem=front.pem,
            protocols="http/1.1" if front.upgrades else "h2,http/1.1",
            asked=_ASKED.format(authority=places.TRUSTED) if front.trusting else "",
        )
        for one in (address, *front.addresses)
    )


def _origin(front: Front) -> str:
    if not front.trusting:
        return _ORIGIN.format(unless="")
    return _OF_THE_CLOUD + _ORIGIN.format(unless=_UNLESS_OF_THE_CLOUD)


def configuration(fronts: Sequence[Front], address: str, backend: str) -> str:
    """Return what HAProxy reads besides its own configuration."""
    if not fronts:
        return _HEADER
    parts = [
        _FRONT.format(name=front.name, binds=_binds(front, address), origin=_origin(front))
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
