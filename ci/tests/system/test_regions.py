# SPDX-License-Identifier: Apache-2.0
"""Two regions with one Keystone: the second one joins by a preseed file and apt-get."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from cloudtest import leftovers, several
from cloudtest.acting import act, apt, debstack, openstack, openstack_json, status
from cloudtest.observing import identity
from testbed.bed import Testbed
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

ONE, TWO = "RegionOne", "RegionTwo"
_TIMEOUT_S = 1800.0
_OF_A_REGION = {"block-storage", "compute", "identity", "image", "network", "placement"}
_PASSWORDS = "/etc/debstack/secrets.preseed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Regions:
    """The controllers of two regions, the first of which has Keystone."""

    one: Node
    two: Node


@pytest.fixture(scope="module")
def regions(repository: Path) -> Iterator[Regions]:
    """Both, the second one installed by what the first one exports."""
    with Testbed("regions") as bed:
        one, two = (several.make_machine(bed, name, repository).boot() for name in ("one", "two"))
        apt(one, "install", "openstack-controller", timeout_s=_TIMEOUT_S)
        handed = several.exported(one, "region", "--region", TWO)
        act(two, "debconf-set-selections", input=handed)
        apt(two, "install", "openstack-region", timeout_s=_TIMEOUT_S)
        yield Regions(one=one, two=two)


def names(node: Node, *command: str, region: str) -> list[str]:
    """Return the names of what `openstack … list` prints in a region.

    A cloud of clouds.yaml has one region; the variables of openrc can be given another.
    """
    told = f'. /root/openrc && OS_REGION_NAME={region} exec openstack "$@" list --format json'
    listed = json.loads(node.run(["sh", "-c", told, "sh", *command]).stdout)
    return sorted(found["Name"] for found in listed)


def secrets(node: Node) -> dict[str, str]:
    """Return the passwords that a machine keeps, by name."""
    lines = [line.split(maxsplit=3) for line in node.read_file(_PASSWORDS).splitlines()]
    return {line[1]: line[3] for line in lines if line and line[0] != "#" and len(line) == 4}


def test_both_regions_are_in_the_catalogue_and_in_order(regions: Regions) -> None:
    endpoints = identity(regions.one).endpoints
    services: dict[str, set[str]] = {}
    hosts: dict[str, set[str]] = {}
    for found in endpoints:
        services.setdefault(found.region, set()).add(found.type)
        if found.type != "identity":
            hosts.setdefault(found.region, set()).add(found.url.split("/")[2].split(":")[0])
    assert services == {ONE: _OF_A_REGION, TWO: _OF_A_REGION}
    assert hosts == {ONE: {regions.one.address}, TWO: {regions.two.address}}
    for node in (regions.one, regions.two):
        assert status(node)["in-order"], node.name
        assert "nothing to do" in debstack(node, "apply").stdout, node.name
    assert act(regions.two, "dpkg-query", "-W", "keystone", check=False).code != 0


def test_regions_share_the_passwords_in_keystone_and_no_others(regions: Regions) -> None:
    one, two = secrets(regions.one), secrets(regions.two)
    same = {name for name in one.keys() & two.keys() if one[name] == two[name]}
    shared = {f"{name}/service-password" for name in ("cinder", "glance", "neutron", "nova")}
    assert same == {*shared, "placement/service-password", "openstack/admin-password"}
    assert "nova/database-password" in two


def test_users_are_the_same_and_what_they_have_is_not(regions: Regions) -> None:
    one, two = regions.one, regions.two
    openstack(one, "user", "create", "someone")
    assert "someone" in names(two, "user", region=TWO)
    act(two, "truncate", "-s", "1M", "/root/disk")
    openstack(two, "image", "create", "--file", "/root/disk", "there")
    openstack(one, "network", "create", "here")
    for node in (one, two):
        assert names(node, "image", region=TWO) == ["there"]
        assert names(node, "image", region=ONE) == []
        assert names(node, "network", region=ONE) == ["here"]
        assert names(node, "network", region=TWO) == []


def test_a_further_region_runs_servers(regions: Regions) -> None:
    two = regions.two
    apt(two, "install", "openstack-compute", timeout_s=_TIMEOUT_S)
    several.await_hypervisors(two, ["two"])
    debstack(two, "demo")
    # The demo makes no image where there is one.
    create = ("server", "create", "--image", "there", "--flavor", "demo", "--network", "demo")
    made = openstack_json(two, *create, "--wait", "first", timeout_s=600)
    assert made["status"] == "ACTIVE", made
    assert names(regions.one, "server", region=TWO) == ["first"]
    assert names(regions.one, "server", region=ONE) == []
    openstack(two, "server", "delete", "--wait", "first")
    assert status(two)["in-order"]


def test_machines_that_join_a_further_region_are_told_of_its_own_servers(regions: Regions) -> None:
    one, two = regions.one.address, regions.two.address
    lines = several.exported(regions.two, "compute").splitlines()
    told = {line.split()[1]: line.split(maxsplit=3)[3] for line in lines if line[0] != "#"}
    assert told["openstack/region"] == TWO
    assert told["openstack/identity-url"] == f"https://{one}:5000/v3"
    assert told["openstack/messaging-host"] == f"{two}:5671"
    assert told["neutron/ovn-southbound"] == f"tcp:{two}:6642"
    assert "openstack/admin-password" not in told
    assert told["nova/service-password"] == secrets(regions.one)["nova/service-password"]


def test_what_would_harm_the_other_region_is_refused(regions: Regions) -> None:
    one, two = regions.one, regions.two
    for region, said in ((ONE, "is the region of this machine"), ("a b", "expected the name")):
        refused = debstack(one, "export", "--role", "region", "--region", region, check=False)
        assert refused.code == 3, region
        assert said in refused.stdout
    refused = debstack(two, "export", "--role", "region", "--region", "Three", check=False)
    assert (refused.code, "no Keystone to share" in refused.stdout) == (3, True)
    debstack(two, "secrets", "rotate", "glance/service-password")
    refused = debstack(two, "apply", check=False)
    assert refused.code == 3
    assert "glance: the password in Keystone is another one" in refused.stdout
    act(two, "debconf-set-selections", input=several.exported(one, "region", "--region", TWO))
    debstack(two, "apply")
    assert names(one, "image", region=ONE) == []
    assert names(two, "image", region=TWO)


def test_a_service_that_is_purged_in_one_region_works_in_the_other(regions: Regions) -> None:
    one, two = regions.one, regions.two
    leftovers.want_all_deleted(two)
    apt(two, "purge", "glance-common", timeout_s=600)
    left = {found.region for found in identity(one).endpoints if found.type == "image"}
    assert left == {ONE}
    assert names(one, "image", region=ONE) == []
    assert status(one)["in-order"]


def test_a_region_that_is_purged_leaves_nothing_in_keystone(regions: Regions) -> None:
    one, two = regions.one, regions.two
    assert TWO in {found.region for found in identity(one).endpoints}
    purged = [f"{source}-common" for source in ("cinder", "neutron", "nova", "placement")]
    apt(two, "purge", *purged, timeout_s=600)
    assert {found.region for found in identity(one).endpoints} == {ONE}
    assert [found["Region"] for found in openstack_json(one, "region", "list")] == [ONE]
    assert status(one)["in-order"]
