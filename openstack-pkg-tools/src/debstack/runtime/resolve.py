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
    DatabaseAccount,
    DatabaseServer,
    EndpointUrls,
    Engine,
    IdentitySite,
    MessagingAccount,
    RingsSite,
    Site,
)
from debstack.runtime.urls import bracketed, host_ports, transport_url
from debstack.spec.vocabulary import CatalogueService, Manifest

RABBITMQ_PORT = 5672
MEMCACHED_PORT = 11211
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
    """Return the database server in use. Raises AnswerError where it needs one not given."""
    engine = _engine(inputs)
    host = "" if engine is Engine.SQLITE else inputs.shared("database-host")
    name = "openstack/database-admin-password"
    declares = any(manifest.package.database for manifest in inputs.manifests)
    if host and declares and not inputs.password(name):
        raise AnswerError(
            name,
            f"needed to create databases on {host}, and not given",
            hint=f"give it with: debstack secrets set {name}; or empty openstack/database-host",
        )
    return DatabaseServer(
        engine=engine,
        host=host,
        port=int(inputs.shared("database-port", "0")),
        admin_user=inputs.shared("database-admin-user", _ADMINISTRATORS[engine]),
        admin_password=inputs.password(name),
        ca=inputs.shared("database-ca") if host else "",
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
    )


def _accounts(inputs: Inputs, server: DatabaseServer) -> dict[tuple[str, str], DatabaseAccount]:
    return {
        (manifest.source, key): resolved_account(inputs, server, manifest, key)
        for manifest in inputs.manifests
        for key in manifest.package.database
    }


def endpoint_urls(inputs: Inputs, service: CatalogueService, management: str) -> EndpointUrls:
    """Return the URLs of a catalogue service of this machine."""
    internal_host = inputs.shared("internal-host", management)
    internal_protocol = inputs.shared("internal-protocol", "http")
    places = {
        "public": (
            inputs.shared("public-protocol", "http"),
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


def _account_of(
    manifest: Manifest, name: str, node: str, password: Secret, hosts: Sequence[str]
) -> MessagingAccount:
    user = user_of(name, node)
    return MessagingAccount(
        name=name,
        user=user,
        source=manifest.source,
        password=password,
        url=transport_url((user, password), hosts, name),
    )


def _messaging_of_nodes(inputs: Inputs, hosts: Sequence[str]) -> tuple[MessagingAccount, ...]:
    """Return what other machines have for themselves at the broker, if it is on this one."""
    if not hosts or inputs.shared("messaging-host"):
        return ()
    return tuple(
        _account_of(manifest, name, node, secrets[password], hosts)
        for node, secrets in sorted(inputs.node_secrets.items())
        for manifest in inputs.manifests
        for name in manifest.package.messaging
        if (password := password_name(manifest, "messaging", name)) in secrets
    )


def _messaging(inputs: Inputs, hosts: Sequence[str]) -> dict[str, MessagingAccount]:
    found = {}
    # The users of a broker on this machine are for all machines.
    node = inputs.shared("messaging-node") if inputs.shared("messaging-host") else ""
    for manifest in inputs.manifests:
        for name, messaging in manifest.package.messaging.items():
            if not hosts:
                if messaging.required:
                    raise AnswerError(
                        "openstack/messaging-host",
                        f"needed by {manifest.title}, and empty;"
                        " RabbitMQ is not on this machine either",
                        hint=f"install rabbitmq-server, or name its host in {SITE_FILE}",
                    )
                continue
            password = inputs.password(password_name(manifest, "messaging", name))
            found[name] = _account_of(manifest, name, node, password, hosts)
    return found


def _services(inputs: Inputs, kind: str, default_port: int, answer: str) -> tuple[str, ...]:
    given = host_ports(inputs.shared(answer), default_port)
    if given:
        return given
    return (f"127.0.0.1:{default_port}",) if kind in inputs.facts.servers else ()


def _outside(inputs: Inputs, hosts: tuple[str, ...], management: str) -> tuple[str, ...]:
    if inputs.shared("messaging-host") or not hosts:
        return hosts
    return (f"{bracketed(management)}:{RABBITMQ_PORT}",)


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
    hosts = _services(inputs, "rabbitmq", RABBITMQ_PORT, "messaging-host")
    problems: list[AnswerError] = []
    server = DatabaseServer(engine=Engine.SQLITE)
    messaging: dict[str, MessagingAccount] = {}
    try:
        server = database_server(inputs)
    except AnswerError as error:
        problems.append(error)
    try:
        messaging = _messaging(inputs, hosts)
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
        bind_address=management,
        database=server,
        accounts=_accounts(inputs, server),
        identity=identity,
        endpoints=endpoints,
        messaging_hosts=hosts,
        messaging_local=bool(hosts) and not inputs.shared("messaging-host"),
        messaging_hosts_outside=_outside(inputs, hosts, management),
        joined=inputs.shared("join") == "true",
        messaging=messaging,
        messaging_of_nodes=_messaging_of_nodes(inputs, hosts),
        memcached_servers=_services(inputs, "memcached", MEMCACHED_PORT, "memcached-servers"),
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
        traits=inputs.facts.traits,
        answers=inputs.answers,
        secrets=inputs.secrets,
    )
