# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import pytest
from unit.runtime.making import FACTS, all_manifests, inputs, manifests_of

from debstack.base.errors import DebstackError
from debstack.runtime.resolve import Inputs, resolve
from debstack.runtime.site import TRUSTED, Engine

BARE = dataclasses.replace(FACTS, servers=frozenset())
NODE = manifests_of("debstack") + manifests_of("glance")
SOUTHBOUND = "neutron/ovn-southbound"


def test_an_all_in_one_needs_no_answer() -> None:
    site = resolve(inputs(all_manifests()))
    assert site.bind_address == "127.0.0.1"
    assert site.database.engine is Engine.MARIADB
    assert site.database.host == ""
    assert site.identity is not None
    assert site.identity.url == "https://10.0.0.4:5000/v3"
    assert site.identity.local
    assert site.endpoints["image"].public == "https://10.0.0.4:9292"
    assert site.endpoints["identity"].public_base == "https://10.0.0.4:5000"
    assert site.broker.hosts == ("127.0.0.1:5672",)
    assert site.broker.local
    assert site.memcached_servers == ("127.0.0.1:11211",)
    assert site.memcached_local
    assert site.service_passwords == {"glance": "pw-glance/service-password"}


def test_without_servers_there_are_sqlite_and_no_broker() -> None:
    site = resolve(inputs(all_manifests(), facts=BARE))
    assert site.database.engine is Engine.SQLITE
    account = site.accounts["keystone", "keystone"]
    assert account.url == "sqlite:////var/lib/keystone/keystone.sqlite"
    assert account.path == "/var/lib/keystone/keystone.sqlite"
    assert site.messaging == {}
    assert not site.broker.local


def test_data_stay_where_they_are_when_a_server_comes_or_goes() -> None:
    made = inputs(all_manifests())
    assert resolve(dataclasses.replace(made, engine_in_use=Engine.SQLITE)).database.engine is (
        Engine.SQLITE
    )
    gone = inputs(all_manifests(), facts=BARE)
    assert resolve(dataclasses.replace(gone, engine_in_use=Engine.MARIADB)).database.engine is (
        Engine.MARIADB
    )
    answered = inputs(all_manifests(), {"openstack/database": "mariadb"})
    assert resolve(dataclasses.replace(answered, engine_in_use=Engine.SQLITE)).database.engine is (
        Engine.MARIADB
    )


@pytest.mark.parametrize(
    ("answers", "engine"),
    [
        ({"openstack/database-host": "db1"}, Engine.MARIADB),
        ({"openstack/database-host": "db1", "openstack/database-port": "5432"}, Engine.POSTGRESQL),
        ({"openstack/database": "postgresql"}, Engine.POSTGRESQL),
    ],
)
def test_the_engine_that_the_answers_name(answers: dict[str, str], engine: Engine) -> None:
    secrets = {"openstack/database-admin-password": "x"}
    assert resolve(inputs(all_manifests(), answers, BARE, secrets)).database.engine is engine


def storage(answers: dict[str, str]) -> Inputs:
    """Return what a machine with volumes alone starts from, which has no server of its own."""
    binaries = ("cinder-common", "cinder-volume", "cinder-backup")
    installed = tuple(m for m in manifests_of("cinder") if m.binary in binaries)
    joined = {"openstack/identity-url": "https://one:5000/v3", "openstack/messaging-host": "one"}
    nobody = {"openstack/admin-password": ""}
    return inputs((*manifests_of("debstack"), *installed), {**joined, **answers}, BARE, nobody)


def test_a_machine_with_volumes_needs_nobody_who_administers() -> None:
    site = resolve(storage({"openstack/database-host": "10.0.0.9"}))
    assert site.database.others_administer
    assert site.accounts["cinder", "cinder"].url.startswith("mysql+pymysql://cinder:")
    assert site.service_passwords == {}
    assert not resolve(storage({})).database.others_administer
    given = resolve(inputs(all_manifests(), {"openstack/database-host": "db1"}, BARE))
    assert given.database.others_administer


SHARED = "openstack/databases-shared"


def test_others_may_use_the_databases_that_are_named_and_no_more() -> None:
    site = resolve(inputs(all_manifests(), {SHARED: "cinder,glance"}))
    assert site.has_remote_databases
    assert [a.key for a in site.accounts.values() if a.remote] == ["glance"]
    # Of a package that may come later.
    assert not resolve(inputs(all_manifests(), {SHARED: "cinder"})).has_remote_databases
    assert not resolve(inputs(all_manifests())).has_remote_databases


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        ({"openstack/database": "sqlite"}, "sqlite"),
        ({"openstack/database": "postgresql"}, "postgresql"),
        ({"openstack/database-host": "db1"}, "mariadb at db1"),
    ],
)
def test_what_is_not_the_mariadb_here_is_shared_with_nobody(
    answers: dict[str, str], found: str
) -> None:
    with pytest.raises(DebstackError, match=f"{SHARED}: .*glance.*found {found}$") as caught:
        resolve(inputs(all_manifests(), {SHARED: "glance", **answers}))
    assert f"debstack answers set {SHARED} ''" in (caught.value.hint or "")
    resolve(inputs(all_manifests(), {SHARED: "cinder", **answers}))


def test_urls_have_ipv6_addresses_in_brackets() -> None:
    answers = {"openstack/management-address": "2001:db8::10", "openstack/public-host": "c.example"}
    site = resolve(inputs(all_manifests(), answers))
    assert site.endpoints["image"].internal == "https://[2001:db8::10]:9292"
    assert site.endpoints["image"].public == "https://c.example:9292"


def test_protocols_and_hosts_of_the_three_interfaces() -> None:
    answers = {
        "openstack/tls": "off",
        "openstack/public-protocol": "https",
        "openstack/public-host": "public.example",
        "openstack/internal-host": "internal.example",
    }
    urls = resolve(inputs(all_manifests(), answers)).endpoints["identity"]
    assert urls.public == "https://public.example:5000/v3"
    assert urls.internal == "http://internal.example:5000/v3"
    assert urls.admin == "http://internal.example:5000/v3"


@pytest.mark.parametrize("interface", ["public", "internal"])
def test_plain_http_where_services_answer_by_tls_is_told(interface: str) -> None:
    answers = {f"openstack/{interface}-protocol": "http"}
    with pytest.raises(DebstackError, match=f"openstack/{interface}-protocol: .*local-ca.* http$"):
        resolve(inputs(all_manifests(), answers))


def test_without_tls_services_are_reached_as_they_are() -> None:
    site = resolve(inputs(all_manifests(), {"openstack/tls": "off", "openstack/join": "true"}))
    assert site.bind_address == "10.0.0.4"
    assert site.endpoints["image"].public == "http://10.0.0.4:9292"
    assert site.broker.hosts_outside == ("10.0.0.4:5672",)
    assert site.broker.ca_outside == ""


def test_behind_tls_services_listen_where_it_does_not() -> None:
    made = inputs(all_manifests(), {"openstack/management-address": "127.0.0.1"})
    assert resolve(made).bind_address == "127.0.0.2"


def test_other_machines_reach_the_broker_by_tls() -> None:
    broker = resolve(inputs(all_manifests())).broker
    assert broker.hosts == ("127.0.0.1:5672",)
    assert broker.ca == ""
    assert broker.hosts_outside == ("10.0.0.4:5671",)
    answers = {
        "openstack/messaging-host": "mq1",
        "openstack/messaging-ca": "/etc/ssl/certs/ca-certificates.crt",
    }
    url = resolve(inputs(all_manifests(), answers)).messaging["glance"].url
    assert url.endswith(
        "@mq1:5671/glance?ssl=true&ssl_ca_file=/etc/ssl/certs/ca-certificates.crt"
        "&ssl_enforce_hostname_verification=true"
    )


def test_a_certificate_is_for_every_name_of_the_machine() -> None:
    facts = dataclasses.replace(FACTS, traits={"host-names": lambda: "node,node.example,10.0.0.4"})
    answers = {"openstack/public-host": "cloud.example", "openstack/management-address": "fd00::4"}
    tls = resolve(inputs(all_manifests(), answers, facts)).tls
    assert tls.names == ("cloud.example", "fd00::4", "node", "node.example", "10.0.0.4")
    assert tls.public_names == ("cloud.example", "fd00::4")
    assert tls.serves


def agent(answers: dict[str, str]) -> Inputs:
    """Return what a compute node starts from, which serves nobody."""
    binaries = ("neutron-common", "neutron-ovn-agent")
    installed = tuple(m for m in manifests_of("neutron") if m.binary in binaries)
    answers = {"openstack/messaging-host": "mq1", **answers}
    return inputs((*manifests_of("debstack"), *installed), answers)


def test_who_only_shows_a_certificate_has_one_for_no_name_of_the_cloud() -> None:
    answers = {"openstack/public-host": "cloud.example", SOUTHBOUND: "ssl:10.0.0.9:6642"}
    site = resolve(agent(answers))
    assert (site.tls.serves, site.tls.shows, site.tls.peers) == (True, True, TRUSTED)
    assert site.tls.names == ("10.0.0.4",)
    assert site.tls.public_names == ()
    assert site.certificates["neutron"].directory == "/etc/neutron"
    plain = resolve(agent({SOUTHBOUND: "tcp:10.0.0.9:6642"}))
    assert not plain.tls.serves
    assert plain.certificates == {}


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        ({"openstack/tls": "off"}, f"{SOUTHBOUND}: expected a connection without TLS"),
        ({"openstack/tls": "provided"}, f"openstack/identity-ca: needed for {SOUTHBOUND} tcp:"),
    ],
)
def test_tls_without_a_certificate_that_others_can_trust_is_told(
    answers: dict[str, str], told: str
) -> None:
    with pytest.raises(DebstackError, match=told):
        resolve(agent({**answers, SOUTHBOUND: "tcp:[fd00::1]:6642,ssl:[fd00::2]:6642"}))


def test_an_authority_that_is_none_is_told() -> None:
    with pytest.raises(DebstackError, match="openstack/authority: expected a certificate"):
        resolve(inputs(all_manifests(), {"openstack/authority": "bm9uZQ=="}))


def test_transport_urls_are_encoded_and_name_every_host() -> None:
    site = resolve(
        inputs(
            all_manifests(),
            {"openstack/messaging-host": "mq1,[2001:db8::1]:5673"},
            secrets={"glance/messaging-password": "a@b/c d:é"},
        )
    )
    assert site.messaging["glance"].url == (
        "rabbit://glance:a%40b%2Fc%20d%3A%C3%A9@mq1:5672,"
        "glance:a%40b%2Fc%20d%3A%C3%A9@[2001:db8::1]:5673/glance"
    )
    assert not site.broker.local


@pytest.mark.parametrize(
    ("answer", "url"),
    [
        ("http://k.example:5000/v3", "http://k.example:5000/v3"),
        ("http://k.example:5000/", "http://k.example:5000/v3"),
        ("https://k.example/identity", "https://k.example/identity/v3"),
    ],
)
def test_a_keystone_elsewhere(answer: str, url: str) -> None:
    site = resolve(inputs(NODE, {"openstack/identity-url": answer}))
    assert site.identity is not None
    assert site.identity.url == site.identity.public_url == url
    assert not site.identity.local


def test_all_missing_answers_are_told_at_once() -> None:
    with pytest.raises(DebstackError) as caught:
        resolve(inputs(NODE, {"openstack/virtual-router": "300"}))
    assert "openstack/virtual-router: expected a number" in caught.value.message
    assert "openstack/identity-url: needed by OpenStack Image (Glance)" in caught.value.message
    assert caught.value.hint


def test_a_remote_keystone_needs_its_password() -> None:
    answers = {"openstack/identity-url": "http://k.example:5000"}
    with pytest.raises(DebstackError, match="openstack/admin-password: needed to log in"):
        resolve(inputs(NODE, answers, secrets={"openstack/admin-password": ""}))


def test_a_machine_that_was_told_nothing_is_told_how_to_join() -> None:
    binaries = ("debstack", "nova-common", "nova-compute")
    known = manifests_of("debstack") + manifests_of("nova")
    compute = tuple(manifest for manifest in known if manifest.binary in binaries)
    with pytest.raises(DebstackError, match="RabbitMQ is not on this machine either") as caught:
        resolve(inputs(compute, facts=BARE))
    assert "debstack export --role ROLE > FILE" in (caught.value.hint or "")
