# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest
from unit.runtime.making import all_manifests, inputs, manifests_of

from debstack.base.errors import AnswerError
from debstack.base.secret import Secret
from debstack.runtime.export import handed_on
from debstack.runtime.resolve import resolve
from debstack.runtime.rings.device import written
from debstack.runtime.site import RingsSite, Site
from debstack.runtime.substitution import looked_up
from debstack.spec.vocabulary import Manifest

ALL = all_manifests() + manifests_of("swift")
#: A controller: it makes the rings, and keeps nothing.
CONTROLLER = all_manifests() + tuple(
    m for m in manifests_of("swift") if m.binary in ("python3-swift", "swift", "swift-proxy")
)
NODE = manifests_of("debstack") + tuple(
    m for m in manifests_of("swift") if m.binary not in ("swift-proxy", "swift-object-expirer")
)
HELD = {"swift/hash-path-suffix": "sfx", "swift/hash-path-prefix": "pfx"}


def site(installed: tuple[Manifest, ...], **answers: str) -> Site:
    given = {f"swift/{key.replace('_', '-')}": value for key, value in answers.items()}
    return resolve(inputs(installed, given))


def rings(installed: tuple[Manifest, ...], **answers: str) -> RingsSite:
    return site(installed, **answers).rings["swift"]


def test_one_machine_with_everything_keeps_it_in_a_directory() -> None:
    found = rings(ALL)
    assert found.way == "build"
    assert written(found.devices) == "10.0.0.4/d1"
    assert (found.replicas, found.part_power, found.limit) == (0, 12, 30)
    assert not found.mount_check


def test_its_own_address_is_the_storage_address() -> None:
    assert written(rings(ALL, storage_address="192.0.2.11").devices) == "192.0.2.11/d1"


def test_a_controller_alone_waits_for_devices() -> None:
    assert rings(CONTROLLER).way == ""
    found = rings(CONTROLLER, devices="192.0.2.11/d1,192.0.2.12/d1", replicas="2")
    assert found.way == "build"
    assert [device.address for device in found.devices] == ["192.0.2.11", "192.0.2.12"]
    assert found.replicas == 2


def test_another_machine_fetches_what_it_is_told_where() -> None:
    found = rings(NODE, ring_host="2001:db8::4", devices="192.0.2.11/d1")
    assert (found.way, found.devices) == ("fetch", ())
    assert found.source == "rsync://[2001:db8::4]:6873/rings/"


@pytest.mark.parametrize(
    ("key", "value", "reason"),
    [
        ("devices", "192.0.2.11/a,192.0.2.11/a", "is there twice"),
        ("part_power", "3", "expected a number from 4 to 32, got '3'"),
        ("rebalance_limit", "101", "expected a number from 1 to 100"),
    ],
)
def test_what_cannot_be_is_named(key: str, value: str, reason: str) -> None:
    with pytest.raises(AnswerError, match=reason) as caught:
        rings(ALL, **{key: value})
    assert caught.value.question == f"swift/{key.replace('_', '-')}"


def test_references_stand_for_it() -> None:
    manifest = next(m for m in ALL if m.binary == "swift-proxy")
    here, there = site(ALL), site(NODE, ring_host="ctl")
    assert looked_up(here, manifest, "rings") == "build"
    assert not looked_up(here, manifest, "rings-source")
    assert looked_up(here, manifest, "storage-address") == "10.0.0.4"
    assert looked_up(there, manifest, "rings") == "fetch"
    assert looked_up(there, manifest, "rings-source") == "rsync://ctl:6873/rings/"
    other = next(m for m in ALL if m.source == "glance")
    assert looked_up(here, other, "rings") is None


def test_a_storage_node_is_given_what_it_needs_and_no_more() -> None:
    made = inputs(ALL)
    held = {**made.secrets, **{name: Secret(value) for name, value in HELD.items()}}
    found = handed_on(resolve(made), NODE, "object-storage", given={}, held=held)
    assert dict(found.secrets) == HELD
    assert found.answers == {
        "openstack/public-host": "10.0.0.4",
        "openstack/identity-url": "https://10.0.0.4:5000/v3",
        "openstack/messaging-host": "10.0.0.4:5671",
        "openstack/messaging-ca": "/etc/ssl/certs/ca-certificates.crt",
        "openstack/tls": "local-ca",
        "swift/ring-host": "10.0.0.4",
    }
    assert found.missing == ()


def test_what_was_asked_of_the_rings_daemons_is_asked_of_other_machines_too() -> None:
    made = inputs(ALL)
    given = {"swift/sharding": "true"}
    found = handed_on(resolve(made), NODE, "object-storage", given=given, held=made.secrets)
    assert found.answers["swift/sharding"] == "true"
    assert "swift/container-sync" not in found.answers


def test_who_fetches_rings_himself_hands_on_from_where() -> None:
    made = inputs(ALL, {"swift/ring-host": "first"})
    given = {"swift/ring-host": "first"}
    found = handed_on(resolve(made), NODE, "object-storage", given=given, held=made.secrets)
    assert found.answers["swift/ring-host"] == "first"
