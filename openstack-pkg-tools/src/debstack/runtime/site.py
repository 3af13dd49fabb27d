# SPDX-License-Identifier: Apache-2.0
"""The site: what answers and facts come to, as the steps use it. Pure data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from debstack.base.secret import Secret
from debstack.runtime.rings.device import Device
from debstack.spec.vocabulary import Certificate

NO_SECRET = Secret("")
#: Where ca-certificates puts together what a machine trusts.
SYSTEM_AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
#: What ca-certificates takes into the list of those that the machine trusts.
TRUSTED = "/usr/local/share/ca-certificates/debstack.crt"


class Engine(StrEnum):
    """The kinds of database server."""

    MARIADB = "mariadb"
    POSTGRESQL = "postgresql"
    SQLITE = "sqlite"


class TlsMode(StrEnum):
    """Where the certificates of this machine come from, if it has any."""

    LOCAL_CA = "local-ca"
    PROVIDED = "provided"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """How connections with the services of this machine are protected."""

    mode: TlsMode = TlsMode.OFF
    #: The certificate (PEM) of the authority that was given; empty for this machine's own.
    authority: str = ""
    #: Where the administrator has put certificate and key, for `provided` or `for_users`.
    certificate: str = ""
    key: str = ""
    #: All that leads to this machine: names, and addresses without brackets.
    names: tuple[str, ...] = ()
    #: Those of them that users and services come by; users by the first.
    public_names: tuple[str, ...] = ()
    #: Whether there is anything on this machine that needs a certificate.
    serves: bool = False
    #: Whether it shows that to servers of other machines, too.
    shows: bool = False
    #: File with the authority whose certificates the machines of the cloud show each other; empty
    #: where there is none that others than they have certificates of.
    peers: str = ""
    #: Whether the certificate that was provided is for users of the public face alone, while
    #: machines of the cloud see the other one.
    for_users: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseServer:
    """The one database server of this machine's services.

    `host` is empty for a local server (reached through its socket, as root) and for SQLite.
    """

    engine: Engine
    host: str = ""
    port: int = 0
    admin_user: str = ""
    admin_password: Secret = NO_SECRET
    ca: str = ""

    @property
    def local_mariadb(self) -> bool:
        """Whether it is the MariaDB of this machine."""
        return self.engine is Engine.MARIADB and not self.host

    @property
    def others_administer(self) -> bool:
        """Whether databases and their users are made by others, and only used from here."""
        return bool(self.host) and not self.admin_password


@dataclass(frozen=True, slots=True, kw_only=True)
class DatabaseAccount:
    """A declared database with its user, resolved; `url` is SQLAlchemy's, percent-encoded."""

    key: str
    source: str
    binary: str
    database: str
    user: str
    password: Secret
    url: Secret
    #: System user that owns an SQLite file.
    system_user: str
    #: The file, for SQLite; empty otherwise.
    path: str = ""
    #: Whether other machines of the cloud use it too, or another database of its user.
    remote: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class IdentitySite:
    """Where Keystone is and how debstack logs in. URLs end in /v3."""

    url: str
    public_url: str
    #: Whether a package of this machine provides it.
    local: bool
    admin_user: str
    admin_project: str
    admin_password: Secret
    region: str
    ca: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointUrls:
    """The three URLs of a catalogue service; `base` ones lack the endpoint's path."""

    public: str
    internal: str
    admin: str
    public_base: str
    internal_base: str
    admin_base: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """The message broker that the services of this machine use, if there is one."""

    #: host:port of each of its machines; empty where there is none.
    hosts: tuple[str, ...] = ()
    #: File with the authorities that its certificate is verified with; empty for no TLS.
    ca: str = ""
    #: Whether it runs on this machine, and is administered by debstack.
    local: bool = False
    #: Both, as other machines of the cloud have it.
    hosts_outside: tuple[str, ...] = ()
    ca_outside: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessagingAccount:
    """A RabbitMQ user and its virtual host, resolved."""

    #: The virtual host.
    name: str
    #: Named like the virtual host, and after the machine where it has the user for itself.
    user: str
    source: str
    password: Secret
    url: Secret
    broker: Broker


@dataclass(frozen=True, slots=True, kw_only=True)
class RingsSite:
    """What the rings of a source are to be, and who makes them."""

    #: How this machine comes by them: build, fetch, or empty while no device is known.
    way: str
    #: The address at which the devices of this machine are served.
    address: str
    #: The machine that has the rings, and their URL there; empty where that is this one.
    host: str = ""
    source: str = ""
    devices: tuple[Device, ...] = ()
    #: 0 for one that follows from the devices.
    replicas: int = 0
    part_power: int = 0
    #: How much of what is stored may move at once, in percent.
    limit: int = 100
    #: Whether a device has to be a file system of its own.
    mount_check: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    """Everything the steps need to know. `endpoints` is keyed by service type."""

    hostname: str
    management_address: str
    bind_address: str
    database: DatabaseServer
    #: By (source, key).
    accounts: Mapping[tuple[str, str], DatabaseAccount]
    identity: IdentitySite | None
    endpoints: Mapping[str, EndpointUrls]
    broker: Broker
    #: Whether other machines use the servers of this one.
    joined: bool
    #: By virtual host.
    messaging: Mapping[str, MessagingAccount]
    #: What other machines have for themselves at the broker of this one.
    messaging_of_nodes: tuple[MessagingAccount, ...]
    memcached_servers: tuple[str, ...]
    #: Whether the memcached of this machine is the one in use.
    memcached_local: bool
    #: Keystone user name to its password.
    service_passwords: Mapping[str, Secret]
    cpus: int
    memory_mib: int
    #: By source.
    rings: Mapping[str, RingsSite] = field(default_factory=dict)
    tls: Tls = field(default_factory=Tls)
    #: By source, the copies of this machine's certificate that there are to be.
    certificates: Mapping[str, Certificate] = field(default_factory=dict)
    #: The machines that serve what this one, the public face of the cloud, passes on.
    controllers: tuple[str, ...] = ()
    #: The address that it shares with others that are the public face; empty for none.
    virtual_address: str = ""
    #: The number that it has for that, for VRRP; 0 for one that follows from the address.
    virtual_router: int = 0
    #: The protocols of public URLs, and of internal and administrative ones.
    public_protocol: str = "http"
    internal_protocol: str = "http"
    #: What the machine can do, by the name of its reference; found out when it is asked for.
    traits: Mapping[str, Callable[[], str]] = field(default_factory=dict)
    #: Full name of each question that is not a password to its answer, or its default.
    answers: Mapping[str, str] = field(default_factory=dict)
    #: Full name of each password question to its answer, given or generated.
    secrets: Mapping[str, Secret] = field(default_factory=dict)

    @property
    def has_broker(self) -> bool:
        """Whether services of this machine use the message broker of this machine."""
        return any(account.broker.local for account in self.messaging.values())

    @property
    def has_remote_databases(self) -> bool:
        """Whether other machines of the cloud use databases of this one."""
        return any(account.remote for account in self.accounts.values())
