# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import dataclasses

import pytest
from unit.runtime.making import FACTS, all_manifests, inputs, manifests_of

from debstack.base.errors import ConfigurationError
from debstack.base.secret import Secret
from debstack.runtime.facts import Facts
from debstack.runtime.resolve import resolve
from debstack.runtime.site import TRUSTED, Site
from debstack.runtime.substitution import filled, looked_up, sections_of, settings_of
from debstack.spec.vocabulary import Conditional, Config, Dialect, Manifest

COMMON = next(m for m in all_manifests() if m.binary == "glance-common")
BARE = dataclasses.replace(FACTS, servers=frozenset())


def site(answers: dict[str, str] | None = None, secrets: dict[str, str] | None = None) -> Site:
    return resolve(inputs(all_manifests(), answers, secrets=secrets))


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ("identity.url", "https://10.0.0.4:5000/v3"),
        ("identity.url.base", "https://10.0.0.4:5000"),
        ("identity.public-url", "https://10.0.0.4:5000/v3"),
        ("endpoint.image.public", "https://10.0.0.4:9292"),
        ("endpoint.identity.internal.base", "https://10.0.0.4:5000"),
        ("endpoint.compute.public", None),
        ("memcached-servers", "127.0.0.1:11211"),
        ("bind-address", "127.0.0.1"),
        ("public-protocol", "https"),
        ("public-host.url", "10.0.0.4"),
        ("messaging-ca", "/etc/ssl/certs/ca-certificates.crt"),
        ("own-hosts", "10.0.0.4,127.0.0.1,localhost,[::1]"),
        ("answer.openstack/region", "RegionOne"),
        ("answer.openstack/identity-ca", ""),
        ("service-user.glance.password", "pw-glance/service-password"),
        ("secret.openstack/admin-password", "admin-pw"),
        (
            "messaging.glance",
            "rabbit://glance:pw-glance%2Fmessaging-password@127.0.0.1:5672/glance",
        ),
    ],
)
def test_references(reference: str, value: str | None) -> None:
    assert looked_up(site(), COMMON, reference) == value


@pytest.mark.parametrize(
    ("answers", "values"),
    [
        ({}, ["/etc/neutron/debstack.key", "/etc/neutron/debstack.crt", TRUSTED]),
        ({"openstack/tls": "off"}, [None, None, None]),
        ({"openstack/tls": "provided"}, [None, None, None]),
        (
            {"openstack/tls": "provided", "openstack/identity-ca": "/ca.pem"},
            ["/etc/neutron/debstack.key", "/etc/neutron/debstack.crt", "/ca.pem"],
        ),
    ],
)
def test_a_certificate_is_named_where_others_know_the_machine_by_it(
    answers: dict[str, str], values: list[str | None]
) -> None:
    everything = (*all_manifests(), *manifests_of("neutron"))
    common = next(m for m in everything if m.binary == "neutron-common")
    made = resolve(inputs(everything, answers))
    names = ("key", "file", "authority")
    assert [looked_up(made, common, f"certificate.{name}") for name in names] == values
    assert looked_up(made, COMMON, "certificate.key") is None


def test_an_unknown_kind_of_reference_is_an_error() -> None:
    with pytest.raises(ConfigurationError, match=r"glance-common: \$\{moon.phase\}"):
        looked_up(site(), COMMON, "moon.phase")


def test_only_what_is_filled_in_is_escaped() -> None:
    made = site({"openstack/region": "a$b"})
    text = "$state_path/${answer.openstack/region}"
    assert filled(made, COMMON, text) == "$state_path/a$$b"


def test_a_value_with_a_secret_is_one() -> None:
    assert isinstance(filled(site(), COMMON, "x${service-user.glance.password}"), Secret)
    assert not isinstance(filled(site(), COMMON, "${bind-address}"), Secret)


def glance_sections(made: Site, manifest: Manifest = COMMON) -> dict[str, dict[str, object]]:
    found = sections_of(made, manifest, manifest.package.config["glance"])
    return {section: dict(keys) for section, keys in found.items()}


def test_what_this_machine_has_not_is_left_out() -> None:
    found = glance_sections(resolve(inputs(all_manifests(), facts=BARE)))
    assert "transport_url" not in found["DEFAULT"]
    assert "memcached_servers" not in found["keystone_authtoken"]
    assert "cafile" not in found["keystone_authtoken"]
    assert found["keystone_authtoken"]["region_name"] == ["RegionOne"]


def test_conditional_sections_follow_the_answer() -> None:
    file = glance_sections(site())
    assert file["DEFAULT"]["enabled_backends"] == ["images:file"]
    swift = glance_sections(site({"glance/store": "swift"}))
    assert swift["DEFAULT"]["enabled_backends"] == ["images:swift"]
    assert swift["images"]["default_swift_reference"] == ["debstack"]


@pytest.mark.parametrize(("facts", "written"), [(FACTS, True), (BARE, False)])
def test_a_section_can_depend_on_what_the_machine_has(facts: Facts, written: bool) -> None:
    config = Config(
        directory="/etc/x",
        when=(Conditional(present="memcached-servers", set={"cache": {"enabled": True}}),),
    )
    made = resolve(inputs(all_manifests(), facts=facts))
    assert ("cache" in sections_of(made, COMMON, config)) is written


@pytest.mark.parametrize(("equals", "written"), [("127.0.0.1:11211", True), ("elsewhere:1", False)])
def test_a_section_can_depend_on_what_exactly_the_machine_has(equals: str, written: bool) -> None:
    when = Conditional(present="memcached-servers", equals=equals, set={"cache": {"enabled": True}})
    config = Config(directory="/etc/x", when=(when,))
    made = resolve(inputs(all_manifests(), facts=FACTS))
    assert ("cache" in sections_of(made, COMMON, config)) is written


@pytest.mark.parametrize(
    ("answer", "facts", "written"),
    [("true", FACTS, True), ("true", BARE, False), ("false", FACTS, False)],
)
def test_a_section_can_depend_on_an_answer_and_on_what_the_machine_has(
    answer: str, facts: Facts, written: bool
) -> None:
    config = Config(
        directory="/etc/x",
        when=(
            Conditional(
                question="openstack/purge-data",
                equals="true",
                present="memcached-servers",
                set={"cache": {"enabled": True}},
            ),
        ),
    )
    asked = {"openstack/purge-data": answer}
    made = resolve(inputs(all_manifests(), facts=facts, answers=asked))
    assert ("cache" in sections_of(made, COMMON, config)) is written


def test_configparser_has_its_own_escape() -> None:
    config = Config(
        directory="/etc/x",
        dialect=Dialect.CONFIGPARSER,
        set={"ref": {"key": "${service-user.glance.password}"}},
    )
    made = site(secrets={"glance/service-password": "p%w$d"})
    assert sections_of(made, COMMON, config) == {"ref": {"key": ["p%%w$d"]}}


def test_a_machine_is_reached_by_all_its_names_and_in_urls_ipv6_has_brackets() -> None:
    answers = {
        "openstack/public-host": "cloud.example.org",
        "openstack/internal-host": "fd00::9",
        "openstack/management-address": "fd00::4",
    }
    named = dataclasses.replace(FACTS, traits={"host-names": lambda: "node,node.lan,fd00::4"})
    made = resolve(inputs(all_manifests(), answers, facts=named))
    assert looked_up(made, COMMON, "own-hosts") == (
        "cloud.example.org,[fd00::9],[fd00::4],127.0.0.1,node,node.lan,localhost,[::1]"
    )


def python(**settings: object) -> Config:
    return Config(directory="/etc/x", dialect=Dialect.PYTHON, set={"DEFAULT": settings})  # type: ignore[dict-item]


def test_python_takes_values_as_they_are() -> None:
    made = site(secrets={"glance/service-password": "p%w$d,'"})
    config = python(KEY="${service-user.glance.password}", ON=True, N=3)
    assert settings_of(made, COMMON, config) == {"DEFAULT": {"KEY": "p%w$d,'", "ON": True, "N": 3}}


def test_a_reference_alone_in_an_array_stands_for_a_list() -> None:
    answers = {"openstack/memcached-servers": "m1,m2:1", "openstack/region": "a,b"}
    made = site(answers, secrets={"glance/service-password": "a,b"})
    config = python(
        SERVERS=("${memcached-servers}", "x"),
        TEXT=("in ${answer.openstack/region}",),
        SECRET=("${service-user.glance.password}",),
        NONE=("${answer.openstack/identity-ca}",),
        SOME=("${answer.openstack/identity-ca}", "y"),
        EMPTY=(),
    )
    assert settings_of(made, COMMON, config)["DEFAULT"] == {
        "SERVERS": ["m1:11211", "m2:1", "x"],
        "TEXT": ["in a,b"],
        "SECRET": ["a,b"],
        "SOME": ["y"],
        "EMPTY": [],
    }
