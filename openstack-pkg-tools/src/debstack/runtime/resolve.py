# SPDX-License-Identifier: Apache-2.0
"""From answers, passwords, facts and manifests to the Site. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from debstack.base.errors import AnswerError, DebstackError
from debstack.base.secret import Secret
from debstack.runtime.answers import SITE_FILE
from debstack.runtime.database.url import service_url
from debstack.runtime.facts import Facts
from debstack.runtime.manifests import password_name
from debstack.runtime.nodes.passwords import user_of
from debstack.runtime.rings.wanted import rings_site
from debstack.runtime.site import (
    SYSTEM_AUTHORITIES,
    TRUSTED,
    Broker,
    DatabaseAccount,
    DatabaseServer,
    EndpointUrls,
    Engine,
    IdentitySite,
    MessagingAccount,
    RingsSite,
    Site,
    Tls,
    TlsMode,
)
from debstack.runtime.urls import (
    bracketed,
    host_ports,
    is_address,
    split_host_port,
    transport_url,
)
from debstack.spec.vocabulary import CatalogueService, Certificate, Manifest

RABBITMQ_PORT = 5672
#: By TLS.
RABBITMQS_PORT = 5671
MEMCACHED_PORT = 11211
#: What other machines use of this one, as a question of debstack's.
DATABASES_SHARED = "databases-shared"
#: What a machine was not told, it was told nothing of: by far the most likely.
_JOIN_FIRST = (
    "to join a cloud: on its controller, debstack export --role ROLE > FILE; here,"
    " debconf-set-selections < FILE && debstack apply; a controller needs rabbitmq-server"
)
_CORRECT = f"correct it in {SITE_FILE}, then run: debstack apply"
_ADMINISTRATORS = {Engine.MARIADB: "root", Engine.POSTGRESQL: "postgres", Engine.SQLITE: ""}


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What a Site is made of. `engine_in_use` is the one that the services are configured for."""

    manifests: Sequence[Manifest]
    answers: Mapping[str, str]
    secrets: Mapping[str, Secret]
    facts: Facts
    engine_in_use: Engine | None = None
    #: Passwords of what other machines have for themselves at the broker, by machine.
    node_secrets: Mapping[str, Mapping[str, Secret]] = field(default_factory=dict, repr=False)

    def shared(self, key: str, default: str = "") -> str:
        """Return the answer to openstack/<key>, `default` where it is empty."""
        return self.answers.get(f"openstack/{key}") or default

    def password(self, name: str) -> Secret:
        """Return the password with this full name, empty where there is none."""
        return self.secrets.get(name, Secret(""))


def _engine(inputs: Inputs) -> Engine:
    answer = inputs.shared("database", "automatic")
    if answer != "automatic":
        return Engine(answer)
    if inputs.shared("database-host"):
        names_postgresql = (
            inputs.shared("database-port") == "5432"
            or inputs.shared("database-admin-user") == "postgres"
        )
        return Engine.POSTGRESQL if names_postgresql else Engine.MARIADB
    # Services that have their data somewhere keep it there: another server that comes or goes
    # must not turn a cloud into an empty one.
    if inputs.engine_in_use is not None:
        return inputs.engine_in_use
    for engine in (Engine.MARIADB, Engine.POSTGRESQL):
        if engine.value in inputs.facts.servers:
            return engine
    return Engine.SQLITE


def database_server(inputs: Inputs) -> DatabaseServer:
    """Return the database server in use."""
    engine = _engine(inputs)
    host = "" if engine is Engine.SQLITE else inputs.shared("database-host")
    return DatabaseServer(
        engine=engine,
        host=host,
        port=int(inputs.shared("database-port", "0")),
        admin_user=inputs.shared("database-admin-user", _ADMINISTRATORS[engine]),
        admin_password=inputs.password("openstack/database-admin-password"),
        ca=inputs.shared("database-ca") if host else "",
    )


def _shared_databases(inputs: Inputs) -> frozenset[str]:
    """Return the databases of this machine that others use too, by the answer to that."""
    return frozenset(name for name in inputs.shared(DATABASES_SHARED).split(",") if name)


def _remote_users(inputs: Inputs, server: DatabaseServer) -> frozenset[str]:
    """Return the database users that come from other machines too.

    A user has one account for all its databases.
    """
    shared = _shared_databases(inputs) if server.local_mariadb else frozenset()
    return frozenset(
        database.user or key
        for manifest in inputs.manifests
        for key, database in manifest.package.database.items()
        if database.remote or key in shared
    )


def resolved_account(
    inputs: Inputs, server: DatabaseServer, manifest: Manifest, key: str
) -> DatabaseAccount:
    """Return the declared database `key` of `manifest` with its user, password and URL."""
    user = manifest.package.database[key].user or key
    password = inputs.password(password_name(manifest, "database", key))
    embedded = server.engine is Engine.SQLITE
    path = f"/var/lib/{manifest.user}/{key}.sqlite" if embedded else ""
    return DatabaseAccount(
        key=key,
        source=manifest.source,
        binary=manifest.binary,
        database=key,
        user=user,
        password=password,
        url=service_url(server, database=key, user=user, password=password, path=path),
        system_user=manifest.user,
        path=path,
        remote=user in _remote_users(inputs, server),
    )


def _accounts(inputs: Inputs, server: DatabaseServer) -> dict[tuple[str, str], DatabaseAccount]:
    return {
        (manifest.source, key): resolved_account(inputs, server, manifest, key)
        for manifest in inputs.manifests
        for key in manifest.package.database
    }


def _check_remote(inputs: Inputs, server: DatabaseServer) -> None:
    """Refuse another database than MariaDB here for what other machines use too."""
    if server.local_mariadb:
        return
    declared = {
        name: database
        for manifest in inputs.manifests
        for name, database in manifest.package.database.items()
    }
    names = [name for name, database in declared.items() if database.remote]
    shared = sorted(_shared_databases(inputs) & declared.keys())
    found = f"{server.engine} at {server.host}" if server.host else server.engine.value
    if shared:
        raise AnswerError(
            f"openstack/{DATABASES_SHARED}",
            f"expected MariaDB on this machine, since others use {', '.join(shared)} here too,"
            f" found {found}",
            hint=f"where they no longer do: debstack answers set openstack/{DATABASES_SHARED} '';"
            " then: debstack apply",
        )
    if names:
        raise AnswerError(
            "openstack/database",
            f"expected MariaDB on this machine, since the controller uses {', '.join(names)} too,"
            f" found {found}",
            hint="run: apt-get install mariadb-server; empty openstack/database-host in"
            f" {SITE_FILE}; then: debstack apply",
        )


def tls_mode(inputs: Inputs) -> TlsMode:
    """Return where the certificates of this machine come from."""
    return TlsMode(inputs.shared("tls", TlsMode.OFF.value))


def url_protocol(inputs: Inputs, interface: str) -> str:
    """Return the protocol of the URLs of an interface: public, or internal.

    Raises AnswerError for plain http where the services of this machine answer by TLS.
    """
    answer = inputs.shared(f"{interface}-protocol", "automatic")
    mode = tls_mode(inputs)
    if answer == "automatic":
        return "http" if mode is TlsMode.OFF else "https"
    if answer == "http" and mode is not TlsMode.OFF:
        raise AnswerError(
            f"openstack/{interface}-protocol",
            f"expected https, since services answer by TLS ({mode}), found http",
            hint="choose automatic here, or openstack/tls off if nothing shall be encrypted",
        )
    return answer


def _authority(inputs: Inputs) -> str:
    given = inputs.shared("authority")
    if not given:
        return ""
    from debstack.runtime.tls import reading

    try:
        return reading.from_one_line(given)
    except ValueError as error:
        raise AnswerError(
            "openstack/authority",
            f"expected a certificate as debstack export writes it, found something else ({error})",
            hint=f"take the line of the exported file into {SITE_FILE} as it is",
        ) from error


def _secured_connections(inputs: Inputs) -> list[str]:
    """Return the questions whose answers are connections for which a certificate is shown."""
    declared = (m.package.certificate for m in inputs.manifests)
    return [
        name
        for certificate in declared
        if certificate is not None
        for name in certificate.connections
        if any(item.startswith("ssl:") for item in inputs.answers.get(name, "").split(","))
    ]


def _peers(inputs: Inputs, shown: Sequence[str]) -> str:
    """Return the file with the authority that machines of the cloud know each other by."""
    mode = tls_mode(inputs)
    given = inputs.shared("identity-ca")
    # Whoever the system trusts has certificates for anybody.
    peers = {TlsMode.LOCAL_CA: TRUSTED, TlsMode.PROVIDED: given}.get(mode, "")
    peers = "" if peers == SYSTEM_AUTHORITIES else peers
    if not shown or peers:
        return peers
    if mode is TlsMode.OFF:
        raise AnswerError(
            shown[0],
            f"expected a connection without TLS, since openstack/tls is {mode}, found"
            f" {inputs.answers[shown[0]]}",
            hint="take both from the same file of debstack export; then: debstack apply",
        )
    raise AnswerError(
        "openstack/identity-ca",
        f"needed for {shown[0]} {inputs.answers[shown[0]]} where openstack/tls is {mode}: the"
        " authority that has issued the certificates of this cloud's machines, and no others",
        hint="debstack answers set openstack/identity-ca FILE; then: debstack apply",
    )


def _interfaces(inputs: Inputs) -> tuple[str, ...]:
    """Return the interfaces whose URLs lead to this machine."""
    if any(manifest.package.service for manifest in inputs.manifests):
        return ("public", "internal", "admin")
    ports = any(unit.port for m in inputs.manifests for unit in m.package.unit.values())
    # What passes on to others is asked by users alone.
    return ("public",) if ports or inputs.shared("controllers") else ()


def _tls(inputs: Inputs, management: str) -> Tls:
    mode = tls_mode(inputs)
    interfaces = _interfaces(inputs)
    hosts = [inputs.shared(f"{name}-host", management) for name in interfaces]
    names = [*hosts, management]
    shown = _secured_connections(inputs)
    if "host-names" in inputs.facts.traits and mode is not TlsMode.OFF:
        names += inputs.facts.traits["host-names"]().split(",")
    certificate, key = inputs.shared("tls-certificate"), inputs.shared("tls-key")
    face = bool(inputs.shared("controllers"))
    return Tls(
        mode=mode,
        authority=_authority(inputs),
        certificate=certificate,
        key=key,
        for_users=face and mode is TlsMode.LOCAL_CA and bool(certificate or key),
        names=tuple(dict.fromkeys(name for name in names if name)),
        public_names=tuple(dict.fromkeys(hosts)),
        serves=bool(interfaces or shown)
        or (inputs.shared("join") == "true" and "rabbitmq" in inputs.facts.servers),
        shows=bool(shown),
        peers=_peers(inputs, shown),
    )


def _certificates(inputs: Inputs, tls: Tls) -> dict[str, Certificate]:
    """Return the copies of this machine's certificate that there are to be, by source."""
    if not tls.serves or tls.mode is TlsMode.OFF:
        return {}
    declared = ((m.source, m.package.certificate) for m in inputs.manifests)
    return {source: certificate for source, certificate in declared if certificate is not None}


def _controllers(inputs: Inputs) -> tuple[str, ...]:
    """Return the machines whose services this one passes on, without brackets."""
    found = [item for item in inputs.shared("controllers").split(",") if item]
    for item in found:
        if item.startswith((".", "*")):
            raise AnswerError(
                "openstack/controllers",
                f'expected names or addresses of machines, found "{item}"',
                hint=_CORRECT,
            )
        # HAProxy looks for names alone in certificates; the cloud's own authority puts one there.
        if tls_mode(inputs) is TlsMode.PROVIDED and is_address(item.strip("[]")):
            raise AnswerError(
                "openstack/controllers",
                f'expected names that provided certificates have, found the address "{item}"',
                hint=f"{_CORRECT}; or, for a certificate of your own that only users see: debstack"
                " answers set openstack/tls local-ca",
            )
    return tuple(item.strip("[]") for item in found)


def _virtual_address(inputs: Inputs, management: str) -> tuple[str, int]:
    """Return the address that the public faces share, or nothing, and its number, 0 for none."""
    address, number = inputs.shared("virtual-address"), inputs.shared("virtual-router")
    if address and address == management:
        raise AnswerError(
            "openstack/virtual-address",
            f"expected an address that no machine has by itself, found this machine's, {address}",
            hint=_CORRECT,
        )
    if number and not 1 <= int(number) <= 255:
        raise AnswerError(
            "openstack/virtual-router",
            f"expected a number from 1 to 255, found {number}",
            hint=_CORRECT,
        )
    return address, int(number or 0)


def _bind_address(mode: TlsMode, management: str) -> str:
    """Return where services listen: at the loopback, if something else terminates TLS for them."""
    if mode is TlsMode.OFF:
        return management
    return "127.0.0.1" if management != "127.0.0.1" else "127.0.0.2"


def endpoint_urls(inputs: Inputs, service: CatalogueService, management: str) -> EndpointUrls:
    """Return the URLs of a catalogue service of this machine."""
    internal_host = inputs.shared("internal-host", management)
    internal_protocol = url_protocol(inputs, "internal")
    places = {
        "public": (
            url_protocol(inputs, "public"),
            inputs.shared("public-host", management),
        ),
        "internal": (internal_protocol, internal_host),
        "admin": (internal_protocol, inputs.shared("admin-host", internal_host)),
    }
    urls: dict[str, str] = {}
    for interface, (protocol, host) in places.items():
        base = f"{protocol}://{bracketed(host)}:{service.endpoint.port}"
        urls[f"{interface}_base"] = base
        urls[interface] = base + service.endpoint.path
    return EndpointUrls(**urls)


def _with_version(url: str) -> str:
    trimmed = url.rstrip("/")
    return trimmed if trimmed.endswith("/v3") else f"{trimmed}/v3"


def _identity(inputs: Inputs, endpoints: Mapping[str, EndpointUrls]) -> IdentitySite | None:
    providers = [m for m in inputs.manifests if m.package.bootstrap is not None]
    answer = inputs.shared("identity-url")
    local = endpoints.get("identity") if providers else None
    if local is None and not answer:
        return None
    url = _with_version(answer or (local.internal if local else ""))
    return IdentitySite(
        url=url,
        public_url=_with_version(local.public) if local else url,
        local=bool(providers),
        admin_user=inputs.shared("admin-user", "admin"),
        admin_project=inputs.shared("admin-project", "admin"),
        admin_password=inputs.password("openstack/admin-password"),
        region=inputs.shared("region", "RegionOne"),
        ca=inputs.shared("identity-ca"),
    )


def _endpoints(inputs: Inputs) -> dict[str, EndpointUrls]:
    management = inputs.shared("management-address", inputs.facts.primary_address)
    return {
        service_type: endpoint_urls(inputs, service, management)
        for manifest in inputs.manifests
        for service_type, service in manifest.package.service.items()
    }


def identity_site(inputs: Inputs) -> IdentitySite | None:
    """Return the Keystone that the manifests of `inputs` belong to; None where there is none."""
    return _identity(inputs, _endpoints(inputs))


def _check_identity(inputs: Inputs, identity: IdentitySite | None) -> None:
    users = [m.title for m in inputs.manifests if m.registers]
    # Keystone is where the controller is.
    with_controller = {
        m.title for m in inputs.manifests if any(d.remote for d in m.package.database.values())
    }
    if identity is None and with_controller:
        raise AnswerError(
            "openstack/identity-url",
            f"needed by {', '.join(sorted(with_controller))}, and empty",
            hint=_JOIN_FIRST,
        )
    if not users:
        return
    if identity is None:
        raise AnswerError(
            "openstack/identity-url",
            f"needed by {', '.join(users)}, and empty; Keystone is not on this machine either",
            hint=f"install keystone here, or put its URL into {SITE_FILE}; then: debstack apply",
        )
    if not identity.admin_password:
        name = "openstack/admin-password"
        raise AnswerError(
            name,
            f"needed to log in to Keystone at {identity.url} as {identity.admin_user}",
            hint=f"give it with: debstack secrets set {name}; then run: debstack apply",
        )


def messaging_account(
    source: str, name: str, node: str, password: Secret, broker: Broker
) -> MessagingAccount:
    """Return the account of `source` in the virtual host `name`; `node` has it alone, if any."""
    user = user_of(name, node)
    return MessagingAccount(
        name=name,
        user=user,
        source=source,
        password=password,
        url=transport_url((user, password), broker.hosts, name, broker.ca),
        broker=broker,
    )


def _messaging_of_nodes(inputs: Inputs, broker: Broker) -> tuple[MessagingAccount, ...]:
    """Return what other machines have for themselves at the broker, if it is on this one."""
    if not broker.local:
        return ()
    return tuple(
        messaging_account(manifest.source, name, node, secrets[password], broker)
        for node, secrets in sorted(inputs.node_secrets.items())
        for manifest in inputs.manifests
        for name in manifest.package.messaging
        if (password := password_name(manifest, "messaging", name)) in secrets
    )


def broker_of(inputs: Inputs, manifest: Manifest, shared: Broker) -> Broker:
    """Return the broker of the accounts of `manifest`: its own, or the `shared` one."""
    answer = inputs.answers.get(f"{manifest.question_prefix}/messaging-host", "")
    if not answer:
        return shared
    management = inputs.shared("management-address", inputs.facts.primary_address)
    here = {"localhost", "127.0.0.1", "::1", management, inputs.facts.hostname}
    hosts = {split_host_port(item, 0)[0] for item in answer.split(",")}
    if hosts <= here and "rabbitmq" in inputs.facts.servers:
        return _local_broker(inputs, management)
    ca = inputs.shared("messaging-ca")
    found = host_ports(answer, RABBITMQS_PORT if ca else RABBITMQ_PORT)
    return Broker(hosts=found, ca=ca, hosts_outside=found, ca_outside=ca)


def _messaging(inputs: Inputs, shared: Broker) -> dict[str, MessagingAccount]:
    found = {}
    for manifest in inputs.manifests:
        broker = broker_of(inputs, manifest, shared)
        # The users of a broker on this machine are for all machines, and so are those of a cell.
        own = not broker.local and broker is shared
        node = inputs.shared("messaging-node") if own else ""
        for name, messaging in manifest.package.messaging.items():
            if not broker.hosts:
                if messaging.required:
                    raise AnswerError(
                        "openstack/messaging-host",
                        f"needed by {manifest.title}, and empty;"
                        " RabbitMQ is not on this machine either",
                        hint=_JOIN_FIRST,
                    )
                continue
            password = inputs.password(password_name(manifest, "messaging", name))
            found[name] = messaging_account(manifest.source, name, node, password, broker)
    return found


def _memcached(inputs: Inputs) -> tuple[str, ...]:
    given = host_ports(inputs.shared("memcached-servers"), MEMCACHED_PORT)
    if given:
        return given
    return (f"127.0.0.1:{MEMCACHED_PORT}",) if "memcached" in inputs.facts.servers else ()


def shared_broker(inputs: Inputs, management: str) -> Broker:
    """Return where the broker is, for this machine and for others."""
    if inputs.shared("messaging-host"):
        ca = inputs.shared("messaging-ca")
        port = RABBITMQS_PORT if ca else RABBITMQ_PORT
        hosts = host_ports(inputs.shared("messaging-host"), port)
        return Broker(hosts=hosts, ca=ca, hosts_outside=hosts, ca_outside=ca)
    if "rabbitmq" not in inputs.facts.servers:
        return Broker()
    return _local_broker(inputs, management)


def _local_broker(inputs: Inputs, management: str) -> Broker:
    secured = tls_mode(inputs) is not TlsMode.OFF
    port = RABBITMQS_PORT if secured else RABBITMQ_PORT
    return Broker(
        hosts=(f"127.0.0.1:{RABBITMQ_PORT}",),
        local=True,
        hosts_outside=(f"{bracketed(management)}:{port}",),
        ca_outside=SYSTEM_AUTHORITIES if secured else "",
    )


def _rings(inputs: Inputs, management: str) -> dict[str, RingsSite]:
    units = {name for manifest in inputs.manifests for name in manifest.package.unit}
    return {
        manifest.source: rings_site(manifest, rings, inputs.answers, units, management)
        for manifest in inputs.manifests
        if (rings := manifest.package.rings) is not None
    }


def resolve(inputs: Inputs) -> Site:
    """Return the Site. Raises DebstackError with all the answers that are needed and not given."""
    management = inputs.shared("management-address", inputs.facts.primary_address)
    endpoints = _endpoints(inputs)
    identity = _identity(inputs, endpoints)
    broker = shared_broker(inputs, management)
    problems: list[AnswerError] = []
    tls = Tls()
    server = DatabaseServer(engine=Engine.SQLITE)
    messaging: dict[str, MessagingAccount] = {}
    try:
        server = database_server(inputs)
        _check_remote(inputs, server)
    except AnswerError as error:
        problems.append(error)
    controllers: tuple[str, ...] = ()
    shared = ("", 0)
    try:
        controllers = _controllers(inputs)
        shared = _virtual_address(inputs, management)
    except AnswerError as error:
        problems.append(error)
    try:
        tls = _tls(inputs, management)
    except AnswerError as error:
        problems.append(error)
    try:
        messaging = _messaging(inputs, broker)
    except AnswerError as error:
        problems.append(error)
    try:
        _check_identity(inputs, identity)
    except AnswerError as error:
        problems.append(error)
    if problems:
        raise DebstackError("\n".join(p.message for p in problems), hint=problems[0].hint)
    return Site(
        hostname=inputs.facts.hostname,
        management_address=management,
        bind_address=_bind_address(tls.mode, management),
        database=server,
        accounts=_accounts(inputs, server),
        identity=identity,
        endpoints=endpoints,
        broker=broker,
        joined=inputs.shared("join") == "true",
        messaging=messaging,
        messaging_of_nodes=_messaging_of_nodes(inputs, broker),
        memcached_servers=_memcached(inputs),
        memcached_local="memcached" in inputs.facts.servers
        and not inputs.shared("memcached-servers"),
        service_passwords={
            user: inputs.password(password_name(manifest, "service", user))
            for manifest in inputs.manifests
            for user in manifest.package.service_user
        },
        cpus=inputs.facts.cpus,
        memory_mib=inputs.facts.memory_mib,
        rings=_rings(inputs, management),
        tls=tls,
        certificates=_certificates(inputs, tls),
        controllers=controllers,
        virtual_address=shared[0],
        virtual_router=shared[1],
        public_protocol=url_protocol(inputs, "public"),
        internal_protocol=url_protocol(inputs, "internal"),
        traits=inputs.facts.traits,
        answers=inputs.answers,
        secrets=inputs.secrets,
    )
