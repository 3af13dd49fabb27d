# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from unit.runtime.making import FACTS, all_manifests, inputs, install, manifests_of

from debstack.base.errors import DebstackError
from debstack.base.secret import Secret
from debstack.runtime import answers, export, series
from debstack.runtime.machine import read_machine
from debstack.runtime.manifests import messaging_passwords
from debstack.runtime.resolve import resolve
from debstack.runtime.site import SYSTEM_AUTHORITIES
from debstack.runtime.tls import issuing, reading
from debstack.spec.component import manifest_json
from debstack.spec.vocabulary import Manifest

COMPUTE = {"nova-common", "nova-compute", "neutron-common", "neutron-ovn-agent", "debstack"}


def packages() -> tuple[Manifest, ...]:
    found = (*manifests_of("debstack"), *manifests_of("nova"), *manifests_of("neutron"))
    return tuple(manifest for manifest in found if manifest.binary in COMPUTE)


def handed(given: dict[str, str] | None = None, address: str = "10.0.0.4") -> export.Handed:
    answers = {"openstack/management-address": address, **(given or {})}
    everything = inputs(
        (*all_manifests(), *manifests_of("nova"), *manifests_of("neutron")), answers
    )
    held = {**everything.secrets, "nova/database-password": Secret("not for others")}
    site = resolve(everything)
    return export.handed_on(site, packages(), "compute", given=answers, held=held)


def test_a_compute_node_is_told_where_the_servers_are() -> None:
    assert handed().answers == {
        "openstack/public-host": "10.0.0.4",
        "openstack/identity-url": "https://10.0.0.4:5000/v3",
        "openstack/messaging-host": "10.0.0.4:5671",
        "openstack/messaging-ca": "/etc/ssl/certs/ca-certificates.crt",
        "openstack/tls": "local-ca",
        "neutron/ovn-southbound": "ssl:10.0.0.4:6642",
        "neutron/metadata-host": "10.0.0.4",
        "neutron/gateway": "false",
    }


def test_only_who_may_have_a_certificate_is_told_to_reach_ovn_by_tls() -> None:
    """No secret to get one with is to be had where the authority is that of the first region."""
    authority = reading.in_one_line(issuing.new_authority("one", datetime.now(UTC)).certificate)
    for given, protocol in (
        ({"openstack/tls": "off"}, "tcp"),
        ({"openstack/tls": "provided"}, "tcp"),
        ({"openstack/tls": "provided", "openstack/identity-ca": SYSTEM_AUTHORITIES}, "tcp"),
        ({"openstack/tls": "provided", "openstack/identity-ca": "/etc/ssl/own/ca.pem"}, "ssl"),
        ({"openstack/authority": authority}, "tcp"),
        ({"openstack/management-address": "127.0.0.1"}, "tcp"),
    ):
        assert handed(given).answers["neutron/ovn-southbound"].partition(":")[0] == protocol, given


def test_a_compute_node_is_invited_to_have_a_certificate(tmp_path: Path) -> None:
    everything = inputs(all_manifests())
    compute = [m for m in packages() if m.source != "neutron"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(export, "_ROOT", tmp_path)
        valid = timedelta(hours=1)
        invited = export.invited(resolve(everything), packages(), "compute", "", valid)
        assert invited.keys() == {"openstack/join-secret"}
        assert export.invited(resolve(everything), compute, "compute", "", valid) == {}


@pytest.mark.parametrize("host", ["", "cloud.example.org"])
def test_the_public_face_is_told_the_name_that_was_chosen_and_no_address_of_the_controller(
    host: str, capsys: pytest.CaptureFixture[str]
) -> None:
    everything = inputs(all_manifests(), {"openstack/public-host": host})
    site = resolve(everything)
    given = {"openstack/public-host": host}
    found = export.handed_on(site, manifests_of("debstack"), "proxy", given=given, held={})
    assert found.answers.get("openstack/public-host", "") == host
    assert found.answers["openstack/controllers"] == "10.0.0.4"
    export._tell_face(site, "proxy")
    told = capsys.readouterr().err
    assert ("debstack answers set openstack/public-host" in told) == (not host)


def test_a_machine_without_a_role_is_told_where_and_whom_to_trust() -> None:
    everything = inputs(all_manifests(), {"openstack/region": "Lab"})
    given = {"openstack/region": "Lab"}
    shared = manifests_of("debstack")
    found = export.handed_on(resolve(everything), shared, "", given=given, held={})
    assert found.answers == {
        "openstack/identity-url": "https://10.0.0.4:5000/v3",
        "openstack/region": "Lab",
        "openstack/tls": "local-ca",
    }
    assert found.secrets == {}


def test_clients_are_told_what_everybody_may_know() -> None:
    answers = {
        "openstack/internal-host": "in.example.org",
        "openstack/public-host": "cloud.example.org",
    }
    everything = inputs(all_manifests(), answers)
    shared = manifests_of("debstack")
    found = export.handed_to_clients(resolve(everything), shared, given=answers)
    assert found.answers == {
        "openstack/identity-url": "https://cloud.example.org:5000/v3",
        "openstack/tls": "local-ca",
    }
    assert found.secrets == {}


def test_clients_of_a_machine_without_keystone_are_told_where_to_ask() -> None:
    everything = inputs(manifests_of("debstack"))
    with pytest.raises(DebstackError, match="not the controller"):
        export.handed_to_clients(resolve(everything), manifests_of("debstack"), given={})


def test_ipv6_addresses_are_bracketed_where_they_have_to_be() -> None:
    found = handed(address="fd00::4").answers
    assert found["openstack/identity-url"] == "https://[fd00::4]:5000/v3"
    assert found["neutron/ovn-southbound"] == "ssl:[fd00::4]:6642"
    assert found["neutron/metadata-host"] == "fd00::4"


def test_what_was_answered_here_is_handed_on_unless_the_role_decides() -> None:
    given = {"openstack/region": "Lab", "neutron/backend": "openvswitch", "neutron/gateway": "true"}
    found = handed(given).answers
    assert found["openstack/region"] == "Lab"
    assert found["neutron/backend"] == "openvswitch"
    assert found["neutron/gateway"] == "false"
    assert "openstack/management-address" not in found


def test_a_compute_node_gets_the_passwords_that_it_uses_and_no_others() -> None:
    found = handed()
    assert set(found.secrets) == {
        "neutron/messaging-password",
        "nova/messaging-password",
        "nova/service-password",
    }
    assert found.missing == ("nova/migration-secret", "openstack/metadata-secret")


STORAGE = ("debstack", "cinder-common", "cinder-volume", "cinder-backup")
ADMINISTRATOR = "openstack/database-admin-password"


def on_controller(
    role: str,
    given: dict[str, str] | None = None,
    servers: tuple[str, ...] = ("mariadb", "rabbitmq"),
    names: tuple[str, ...] = STORAGE,
) -> export.Handed:
    """Return what a machine of `role` with the packages `names` is told by a controller."""
    here = (*all_manifests(), *manifests_of("cinder"))
    traits = {"volume-group": lambda: "", "host-names": lambda: ""}
    facts = dataclasses.replace(FACTS, servers=frozenset(servers), traits=traits)
    everything = inputs(here, given, facts, {ADMINISTRATOR: "for nobody else"})
    chosen = [m for m in here if m.binary in names]
    held = everything.secrets
    return export.handed_on(resolve(everything), chosen, role, given=given or {}, held=held)


def databases(handed: export.Handed) -> dict[str, str]:
    """Return what is told of the database."""
    prefix = "openstack/database"
    return {n.removeprefix(prefix): v for n, v in handed.answers.items() if n.startswith(prefix)}


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, {"": "mariadb", "-host": "10.0.0.4", "-ca": SYSTEM_AUTHORITIES}),
        ({"openstack/tls": "provided"}, {"-host": "10.0.0.4", "-ca": SYSTEM_AUTHORITIES}),
        ({"openstack/tls": "off"}, {"": "mariadb", "-host": "10.0.0.4"}),
        ({"openstack/management-address": "fd00::4"}, {"-host": "fd00::4"}),
        (
            {
                "openstack/database": "postgresql",
                "openstack/database-host": "db1",
                "openstack/database-port": "5433",
                "openstack/database-ca": "/etc/ssl/db.pem",
            },
            {"": "postgresql", "-host": "db1", "-port": "5433", "-ca": "/etc/ssl/db.pem"},
        ),
    ],
)
def test_a_machine_with_volumes_is_told_where_their_database_is(
    given: dict[str, str], told: dict[str, str]
) -> None:
    handed = on_controller("storage", given)
    found = databases(handed)
    assert {key: found[key] for key in told} == told
    assert ("-ca" in found) == (given.get("openstack/tls") != "off")
    assert ("-port" in found) == ("-port" in told)
    elsewhere = "openstack/database-host" in given
    assert handed.here == ({} if elsewhere else {"openstack/databases-shared": "cinder"})
    # What it writes into its configuration is what it was told.
    node = tuple(m for m in manifests_of("cinder") if m.binary in STORAGE)
    bare = dataclasses.replace(FACTS, servers=frozenset())
    nobody = {"openstack/admin-password": ""}
    asked = inputs((*manifests_of("debstack"), *node), dict(handed.answers), bare, nobody)
    site = resolve(asked)
    assert site.database.others_administer
    host = f"[{told['-host']}]" if ":" in told["-host"] else told["-host"]
    url = site.accounts["cinder", "cinder"].url
    assert f"@{host}:{told.get('-port') or 3306}/cinder" in url
    assert ("ssl" in url) == ("-ca" in found)


def test_a_machine_with_volumes_gets_cinders_passwords_alone() -> None:
    handed = on_controller("storage")
    assert handed.secrets.keys() == {
        "cinder/database-password",
        "cinder/messaging-password",
        "cinder/service-password",
    }
    assert handed.missing == ()


def test_another_controller_is_told_of_the_databases_too() -> None:
    names = (*STORAGE, "cinder-api", "glance-api", "glance-common", "keystone")
    handed = on_controller("controller", names=names)
    assert databases(handed)["-host"] == "10.0.0.4"
    assert handed.here == {"openstack/databases-shared": "cinder,glance,keystone"}


def test_who_uses_no_database_of_this_machine_is_told_of_none() -> None:
    assert databases(handed()) == {}
    assert handed().here == {}
    # Databases of its own, called like some of these.
    for role in ("region", "cell"):
        assert databases(on_controller(role)) == {}
        assert on_controller(role).here == {}
    # It keeps its data where this one has none of it.
    known = (*manifests_of("debstack"), *manifests_of("cinder"))
    volumes = [manifest for manifest in known if manifest.binary in STORAGE]
    site = resolve(inputs(all_manifests()))
    alone = export.handed_on(site, volumes, "storage", given={}, held={})
    assert databases(alone) == {}
    assert alone.here == {}


@pytest.mark.parametrize(
    ("given", "servers", "told"),
    [
        ({}, ("rabbitmq",), "use cinder here, and SQLite is not opened to others"),
        (
            {},
            ("postgresql", "rabbitmq"),
            "use cinder here, and PostgreSQL on this machine is not opened",
        ),
        (
            {"openstack/database-host": "127.0.0.1"},
            ("mariadb", "rabbitmq"),
            "openstack/database-host: others cannot reach cinder at 127.0.0.1",
        ),
    ],
)
def test_a_database_that_others_cannot_reach_is_handed_to_nobody(
    given: dict[str, str], servers: tuple[str, ...], told: str
) -> None:
    with pytest.raises(DebstackError, match=told) as caught:
        on_controller("storage", given, servers)
    assert "openstack/database-host" in f"{caught.value.message} {caught.value.hint}"
    assert databases(on_controller("compute", given, servers, ("debstack",))) == {}


def test_what_others_use_here_is_noted_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(tmp_path, "debstack", "keystone", "cinder")
    site_file = tmp_path / answers.SITE_FILE.lstrip("/")
    site_file.parent.mkdir(parents=True)
    site_file.write_text("debstack openstack/databases-shared string glance\n")

    def noted() -> bool:
        machine = read_machine(tmp_path)
        site = resolve(inputs(machine.manifests, machine.answers()))
        chosen = [m for m in machine.manifests if m.binary in STORAGE]
        found = export.handed_on(site, chosen, "storage", given={}, held=machine.secrets())
        with monkeypatch.context() as patch:
            patch.setattr(answers, "SITE_FILE", str(site_file))
            return export.let_join(machine, found)

    assert noted()
    found = read_machine(tmp_path).answers()
    assert found["openstack/databases-shared"] == "cinder,glance"
    assert found["openstack/join"] == "true"
    assert not noted()


def test_an_unknown_role_is_refused_with_the_nearest_one(tmp_path: Path) -> None:
    folder = tmp_path / series.SERIES.lstrip("/")
    folder.mkdir(parents=True)
    (folder / "roles.json").write_text(
        json.dumps({"schema": 1, "role": {"compute": ["nova-common"]}})
    )
    common = next(m for m in manifests_of("nova") if m.binary == "nova-common")
    (folder / "nova-common.json").write_text(manifest_json(common))
    assert series.role_manifests(tmp_path, "compute") == (common,)
    with pytest.raises(
        DebstackError, match=r'expected one of clients, compute, found "computer".*did you mean'
    ):
        series.role_manifests(tmp_path, "computer")


@pytest.fixture
def metered(tmp_path: Path) -> Path:
    """A machine that knows of a suggestion of the metapackage for compute nodes."""
    folder = tmp_path / series.SERIES.lstrip("/")
    folder.mkdir(parents=True)
    brought = ["ceilometer-agent-compute", "ceilometer-common"]
    roles = {"compute": ["nova-common"]}
    text = json.dumps({"schema": 1, "role": roles, "suggested": {"compute": {brought[0]: brought}}})
    (folder / "roles.json").write_text(text)
    for manifest in (*manifests_of("ceilometer"), *manifests_of("nova")):
        (folder / f"{manifest.binary}.json").write_text(manifest_json(manifest))
    return tmp_path


def test_the_compute_nodes_of_a_metered_cloud_are_metered(metered: Path) -> None:
    here = [m for m in manifests_of("ceilometer") if m.binary == "ceilometer-agent-notification"]
    more = series.besides(metered, "compute", here)
    assert list(more) == ["ceilometer-agent-compute"]
    packages = series.together(series.role_manifests(metered, "compute"), more)
    assert [m.binary for m in packages] == [
        "nova-common",
        "ceilometer-agent-compute",
        "ceilometer-common",
    ]
    assert "ceilometer/messaging-password" in messaging_passwords(packages)
    assert "ceilometer/service-ceilometer-password" not in export.used_passwords(packages)


def test_those_of_a_cloud_that_is_not_metered_are_not(metered: Path) -> None:
    assert series.besides(metered, "compute", manifests_of("nova")) == {}
    assert series.besides(metered, "storage", manifests_of("ceilometer")) == {}


def test_without_the_manifests_of_the_series_it_says_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(DebstackError) as caught:
        series.role_manifests(tmp_path, "compute")
    assert caught.value.hint == "run: apt-get install openstack-preseeds"
