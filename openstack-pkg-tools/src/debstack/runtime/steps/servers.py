# SPDX-License-Identifier: Apache-2.0
"""server:<unit>: drop-ins of the servers on this machine that our services use.

Written by `debstack prepare` before a server is first started, so that nothing has to be restarted.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from debstack.runtime import answers, broker_node, freshness, rabbitmq, running_mariadb, systemd
from debstack.runtime.context import Context
from debstack.runtime.files import WantedFile, difference, told, write
from debstack.runtime.resolve import RABBITMQ_PORT, RABBITMQS_PORT
from debstack.runtime.site import TlsMode
from debstack.runtime.sizing import database_connections
from debstack.runtime.step import Change, Step
from debstack.runtime.tls import places, reading

MARIADB = "/etc/mysql/mariadb.conf.d/60-debstack.cnf"
MARIADB_KEY = "/etc/mysql/debstack.key"
MARIADB_CERTIFICATE = "/etc/mysql/debstack.crt"
RABBITMQ = "/etc/rabbitmq/conf.d/50-debstack.conf"
RABBITMQ_KEY = "/etc/rabbitmq/debstack.key"
RABBITMQ_CERTIFICATE = "/etc/rabbitmq/debstack.crt"
EPMD = "/etc/systemd/system/epmd.socket.d/50-debstack.conf"
_EPMD_UNIT = "/usr/lib/systemd/system/epmd.socket"
_HEADER = """\
# Made by debstack; it is overwritten: do not edit it.
# What a file of yours that is read later says, wins: {local}
"""


#: Services change rows that others have changed since they were read, and take it that a database
#: lets them. MariaDB refuses that from 11.6.2 on (error 1020), which none of them tries again: of
#: two logins of one user, Keystone answers one with an internal error. Older servers do not know
#: the name. See https://bugs.launchpad.net/nova/+bug/2116186
_MARIADB_ISOLATION = "loose_innodb_snapshot_isolation = OFF\n"
#: A connection through the socket counts as a secure one.
_MARIADB_TLS = f"""\
ssl_cert = {MARIADB_CERTIFICATE}
ssl_key = {MARIADB_KEY}
require_secure_transport = ON
"""


def mariadb_addresses(outside: str) -> str:
    """Return where MariaDB listens, for other machines at `outside` too, if that is not empty."""
    return ",".join(dict.fromkeys(address for address in ("127.0.0.1", outside) if address))


def mariadb_text(connections: int, outside: str = "", *, secured: bool = False) -> str:
    """Return the drop-in of MariaDB. Debian's own configuration keeps it on the loopback.

    `outside` is the address at which other machines reach it, empty where none do, by TLS if it is
    `secured`.
    """
    header = _HEADER.format(local="/etc/mysql/mariadb.conf.d/90-local.cnf")
    text = f"{header}[mariadbd]\nmax_connections = {connections}\n{_MARIADB_ISOLATION}"
    if not outside:
        return text
    text += f"bind-address = {mariadb_addresses(outside)}\n"
    return text + _MARIADB_TLS if secured else text


#: Where a whole cloud starts at once on slow processors, the five seconds of its default are short.
_HANDSHAKE_MS = 30_000
_RABBITMQ_TLS = """\
listeners.ssl.management = {outside}:{port}
ssl_options.cacertfile = {certificate}
ssl_options.certfile = {certificate}
ssl_options.keyfile = {key}
ssl_options.verify = verify_none
ssl_handshake_timeout = {handshake_ms}
"""


def rabbitmq_text(outside: str, node: str, *, secured: bool = False) -> str:
    """Return the drop-in of RabbitMQ, which would else listen at every address.

    `outside` is the address at which other machines reach it, empty where none do, by TLS if it is
    `secured`; `node` where its own tools do (see broker_node), empty for every address.
    """
    lines = [_HEADER.format(local="/etc/rabbitmq/conf.d/90-local.conf")]
    lines.append(f"listeners.tcp.local = 127.0.0.1:{RABBITMQ_PORT}\n")
    if outside and secured:
        lines.append(
            _RABBITMQ_TLS.format(
                outside=outside,
                port=RABBITMQS_PORT,
                certificate=RABBITMQ_CERTIFICATE,
                key=RABBITMQ_KEY,
                handshake_ms=_HANDSHAKE_MS,
            )
        )
    elif outside:
        lines.append(f"listeners.tcp.management = {outside}:{RABBITMQ_PORT}\n")
    if node:
        lines.append(f"distribution.listener.interface = {node}\n")
    return "".join(lines)


def epmd_text(node: str) -> str:
    """Return the drop-in of the socket of Erlang's port mapper, for the `node` of rabbitmq_text."""
    header = _HEADER.format(local="/etc/systemd/system/epmd.socket.d/90-local.conf")
    if not node:
        return header
    addresses = sorted({"127.0.0.1", node})
    lines = ["[Socket]", "ListenStream=", *(f"ListenStream={one}:4369" for one in addresses)]
    # An address of the machine may come later than sockets do.
    return header + "".join(f"{line}\n" for line in [*lines, "FreeBind=true"])


class ServerStep(Step):
    """The drop-in of one server, and what makes a running one heed it."""

    def __init__(self, service: str, wanted: WantedFile, absolute: str) -> None:
        self.id = f"server:{service.removesuffix('-server')}"
        self.needs = frozenset({"files:site"})
        self._service = f"{service}.service"
        self._wanted = wanted
        self._absolute = absolute

    def heed(self) -> list[Change]:
        """Return what makes the running server, which has older settings, take the drop-in's."""
        restart = partial(systemd.bring_up, self._service, "restart")
        return [Change(summary=f"restart {self._service}", perform=restart)]

    def file_changes(self) -> list[Change]:
        """Return what has to change on disk."""
        if not difference(self._wanted):
            return []
        summary = f"write {self._absolute}"
        return [Change(summary=summary, perform=partial(write, self._wanted))]

    def early_changes(self) -> list[Change]:
        """Return what is better done before any service that uses this server has started."""
        return []

    def stale(self, state: systemd.UnitState) -> bool:
        """Return whether the server, as it is, has run since before its drop-in was written."""
        since = state.since
        return since is not None and freshness.newest([self._wanted.path], since) is not None

    def changes(self) -> Sequence[Change]:
        """See Step. A server that is not running is left so: it reads the file when it starts."""
        found = self.file_changes()
        state = systemd.unit_state(self._service)
        if state.since is None:
            return found
        return found + self.heed() if found or self.stale(state) else found

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"write {self._absolute}"]


class MariadbStep(ServerStep):
    """MariaDB can be told while it runs, so that nobody who uses it is cut off.

    Only where it listens, it reads when it starts: at `outside` too if it is `open_` to others.
    """

    def __init__(self, wanted: WantedFile, connections: int, outside: str, *, open_: bool) -> None:
        super().__init__("mariadb", wanted, MARIADB)
        self._connections = connections
        self._open = open_
        self._addresses = mariadb_addresses(outside)

    def _misplaced(self) -> bool:
        """Say whether it does not listen where our file says, or does as one of before said.

        A server that cannot be asked is the database steps' to tell of.
        """
        if not self._open and self._addresses == mariadb_addresses(""):
            return False
        found = running_mariadb.addresses()
        return found is not None and (found == self._addresses) is not self._open

    def heed(self) -> list[Change]:
        """See ServerStep."""
        if self._misplaced():
            return super().heed()
        found: list[Change] = []
        current = running_mariadb.max_connections()
        if current is not None and current < self._connections:
            found.append(
                Change(
                    summary=f"let mariadb.service take {self._connections} connections",
                    perform=partial(running_mariadb.set_max_connections, self._connections),
                )
            )
        if running_mariadb.isolates_snapshots():
            told = "let mariadb.service change rows that changed since they were read"
            found.append(Change(summary=told, perform=running_mariadb.end_snapshot_isolation))
        return found


class EpmdStep(ServerStep):
    """Erlang's port mapper, which systemd listens for; whoever was registered comes back."""

    def __init__(self, wanted: WantedFile) -> None:
        super().__init__("epmd", wanted, EPMD)
        self._service = "epmd.socket"

    def heed(self) -> list[Change]:
        """See ServerStep."""
        return [Change(summary="restart epmd.socket", perform=self._restart)]

    def early_changes(self) -> list[Change]:
        """See ServerStep. Whoever has registered would need seconds to come back."""
        stale = self.stale(systemd.unit_state(self._service))
        return self.heed() if stale and not broker_node.registered() else []

    def _restart(self) -> None:
        names = broker_node.registered()
        systemd.daemon_reload()
        systemd.bring_up(self._service, "restart")
        broker_node.await_registered(names)


class BrokerStep(ServerStep):
    """RabbitMQ, which takes seconds to start anew, and much of a processor in some of them."""

    def __init__(self, wanted: WantedFile, *, unused: bool) -> None:
        super().__init__("rabbitmq-server", wanted, RABBITMQ)
        self._unused = unused

    def early_changes(self) -> list[Change]:
        """See ServerStep. dpkg goes on meanwhile: it has packages to configure before any apply."""
        state = systemd.unit_state(self._service)
        if state.active != "active" or not self.stale(state) or not self._unused:
            return []
        # In one go with the port mapper, which it starts after: it need not come back to that.
        units = (self._service, "epmd.socket")
        restart = partial(systemd.restart_meanwhile, units)
        return [Change(summary=f"restart {self._service} meanwhile", perform=restart)]


class CertificateCopyStep(Step):
    """Key and certificate of this machine, once more, for a server that reads files of its own.

    RabbitMQ takes new ones by itself, within two minutes (ssl_pem_cache_clean of Erlang's ssl(6)).
    """

    id = "tls:rabbitmq"
    needs = frozenset({"files:site", "tls:certificate"})
    key = RABBITMQ_KEY
    certificate = RABBITMQ_CERTIFICATE
    group = rabbitmq.SYSTEM_USER

    def __init__(self, context: Context) -> None:
        self._context = context

    def _files(self) -> list[tuple[str, WantedFile]]:
        pair = places.machine_pair(self._context)
        texts = {self.key: pair.key, self.certificate: pair.certificate}
        return [(absolute, self._copy(absolute, text)) for absolute, text in texts.items()]

    def _copy(self, absolute: str, text: str) -> WantedFile:
        path = self._context.path(absolute)
        return WantedFile(path=path, content=text, mode=0o640, group=self.group)

    def changes(self) -> Sequence[Change]:
        """See Step."""
        return [
            Change(summary=told(how, absolute), perform=partial(write, wanted))
            for absolute, wanted in self._files()
            if (how := difference(wanted))
        ]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"write {self.certificate}", f"write {self.key}"]


class MariadbCertificateStep(CertificateCopyStep):
    """Those of MariaDB, which has to be told that they are new."""

    id = "tls:mariadb"
    key = MARIADB_KEY
    certificate = MARIADB_CERTIFICATE
    group = "mysql"

    def changes(self) -> Sequence[Change]:
        """See Step. A server that shows none of ours yet is restarted for it by its own step."""
        found = list(super().changes())
        shown = running_mariadb.certificate_ends(self.certificate)
        wanted = reading.chain_of(places.machine_pair(self._context).certificate)[0]
        if shown is not None and shown != wanted.not_valid_after_utc:
            told = "let mariadb.service read its certificate again"
            found.append(Change(summary=told, perform=running_mariadb.reload_certificate))
        return found


def _shows_certificate(context: Context) -> bool:
    """Return whether the broker of this machine is to be reached by TLS."""
    site = context.site
    return site.joined and site.has_broker and site.tls.mode is not TlsMode.OFF


def _mariadb_shows_certificate(context: Context) -> bool:
    site = context.site
    return site.has_remote_databases and site.tls.mode is not TlsMode.OFF


def _mariadb_step(context: Context, *, early: bool) -> ServerStep:
    site = context.site
    connections = database_connections(site.memory_mib)
    secured = _mariadb_shows_certificate(context)
    # Without the files, it would not even start.
    there = context.path(MARIADB_CERTIFICATE).exists() or not early
    open_ = site.has_remote_databases and (there or not secured)
    outside = site.management_address
    text = mariadb_text(connections, outside if open_ else "", secured=secured)
    wanted = WantedFile(path=context.path(MARIADB), content=text)
    step = MariadbStep(wanted, connections, outside, open_=open_)
    step.needs |= {"tls:mariadb"}
    step.reads_past |= {"tls"}
    return step


def _rabbitmq_steps(context: Context, *, early: bool) -> list[ServerStep]:
    site = context.site
    secured = _shows_certificate(context)
    # Without the files, it would not even start.
    there = context.path(RABBITMQ_CERTIFICATE).exists() or not early
    outside = site.management_address if site.joined and (there or not secured) else ""
    node = broker_node.address(context.root, site.hostname, site.management_address)
    steps: list[ServerStep] = []
    drop_in = context.path(EPMD)
    # What was written for another answer or name is taken back by a file that says nothing.
    if context.path(_EPMD_UNIT).exists() and (node or drop_in.exists()):
        steps.append(EpmdStep(WantedFile(path=drop_in, content=epmd_text(node))))
    text = rabbitmq_text(outside, node, secured=secured)
    wanted = WantedFile(path=context.path(RABBITMQ), content=text)
    broker = BrokerStep(wanted, unused=not context.path(answers.TAKEN_FILE).exists())
    # One that is restarted asks the port mapper before and after.
    broker.needs |= {"server:epmd", "tls:rabbitmq"}
    broker.reads_past |= {"tls"}
    return [*steps, broker]


def server_steps(context: Context, *, early: bool = False) -> list[ServerStep]:
    """Return a step for each server of this machine that its services use.

    `early` ones are for servers that have not been started, before anything else was done.
    """
    site = context.site
    steps: list[ServerStep] = []
    local = site.database.local_mariadb and context.path("/etc/mysql/mariadb.conf.d").is_dir()
    if local and site.accounts:
        steps.append(_mariadb_step(context, early=early))
    if site.has_broker and context.path("/etc/rabbitmq").is_dir():
        steps += _rabbitmq_steps(context, early=early)
    return steps


def copy_steps(context: Context) -> list[Step]:
    """Return a step for each server that needs this machine's certificate in files of its own."""
    steps: list[Step] = [CertificateCopyStep(context)] if _shows_certificate(context) else []
    if _mariadb_shows_certificate(context):
        steps.append(MariadbCertificateStep(context))
    return steps


def build(context: Context) -> list[Step]:
    """Return the steps of server_steps, as the graph takes them, and what they show."""
    return [*copy_steps(context), *server_steps(context)]
