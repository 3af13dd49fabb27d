# SPDX-License-Identifier: Apache-2.0
"""What the controller of a further region is told, and what it is not."""

from __future__ import annotations

import pytest
from unit.runtime.making import all_manifests, inputs, manifests_of

from debstack.base.errors import DebstackError
from debstack.base.secret import Secret
from debstack.runtime import export
from debstack.runtime.export_region import check_region, handed_to_region, shared_passwords
from debstack.runtime.resolve import resolve
from debstack.runtime.site import Site
from debstack.spec.vocabulary import Manifest


def role() -> tuple[Manifest, ...]:
    """What a controller has, but Keystone."""
    sources = ("debstack", "glance", "nova", "neutron")
    return tuple(manifest for source in sources for manifest in manifests_of(source))


def here() -> tuple[Manifest, ...]:
    return (*all_manifests(), *manifests_of("nova"), *manifests_of("heat"))


def site(answers: dict[str, str] | None = None) -> Site:
    return resolve(inputs(here(), answers))


def handed(answers: dict[str, str] | None = None) -> export.Handed:
    everything = inputs(here(), answers)
    names = {name for manifest in here() for name in manifest.password.values()}
    held = {**dict.fromkeys(names, Secret("s")), **everything.secrets}
    given = answers or {}
    return handed_to_region(site(answers), role(), here(), "Two", given=given, held=held)


def test_it_is_told_where_keystone_is_and_whom_to_trust_and_nothing_of_this_region() -> None:
    given = {
        "openstack/region": "One",
        "openstack/public-host": "one.example.org",
        "openstack/admin-user": "root",
        "neutron/backend": "openvswitch",
        "nova/console": "serial",
    }
    assert handed(given).answers == {
        "openstack/region": "Two",
        "openstack/identity-url": "https://10.0.0.4:5000/v3",
        "openstack/tls": "local-ca",
        "openstack/admin-user": "root",
        "openstack/admin-project": "admin",
    }


def test_it_gets_the_passwords_in_keystone_and_no_others() -> None:
    # Heat's too: installed there later, it must not make new ones.
    assert set(handed().secrets) == {
        "glance/service-password",
        "heat/service-password",
        "heat/service-heat_domain_admin-password",
        "nova/service-password",
        "openstack/admin-password",
    }
    assert "neutron/service-password" in shared_passwords(role())


def test_the_file_names_the_packages_to_install() -> None:
    text = export.text_of(handed(), "region", ())
    assert "apt-get install -y openstack-region\n" in text
    assert "debstack openstack/region string Two\n" in text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("RegionOne", "is the region of this machine itself"),
        ("", "expected the name of the new region"),
        ("Two\x1b[2J", "expected the name of the new region"),
        ("a b", "expected the name of the new region"),
    ],
)
def test_a_region_that_cannot_be_is_refused(name: str, said: str) -> None:
    with pytest.raises(DebstackError, match=said) as caught:
        check_region(site(), name)
    assert "\x1b" not in caught.value.message


def test_a_machine_without_keystone_has_none_to_share() -> None:
    elsewhere = {"openstack/identity-url": "https://one:5000/v3"}
    with pytest.raises(DebstackError, match="no Keystone to share"):
        check_region(resolve(inputs(role(), elsewhere)), "Three")


def test_the_controller_of_a_further_region_lets_machines_join_it() -> None:
    answers = {"openstack/identity-url": "https://one:5000/v3", "openstack/region": "Two"}
    second = resolve(inputs(role(), answers))
    export._check_controller(second)
    compute = [m for m in role() if m.binary in ("debstack", "nova-common", "nova-compute")]
    found = export.handed_on(second, compute, "compute", given=answers, held={}).answers
    assert found["openstack/region"] == "Two"
    assert found["openstack/identity-url"] == "https://one:5000/v3"
    assert found["openstack/messaging-host"] == "10.0.0.4:5671"
