# SPDX-License-Identifier: Apache-2.0
"""A preseed file for Debian's own packages installs ours; an installer's file makes a machine."""

from __future__ import annotations

import json
import re

import pytest

from cloudtest.acting import act, apt, debstack, inside
from cloudtest.observing import await_first_boot, identity, image_comes_back
from cloudtest.stages import METAPACKAGE, NodeMaker
from pipeline.tree import ROOT
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

THEIRS = ROOT / "openstack-pkg-tools/tests/golden/preseeds/controller/debian.preseed"
#: The controller's address in that file.
ADDRESS = "10.0.0.11"
EXAMPLES = "/usr/share/doc/openstack-preseeds/examples"
#: Ours to the question of theirs that says what it is.
PASSWORDS = {
    "openstack/admin-password": "keystone/admin-password",
    "keystone/database-password": "keystone/mysql/app-pass",
    "glance/database-password": "glance-common/mysql/app-pass",
    "glance/messaging-password": "glance/rabbit-password",
    "glance/service-password": "glance/ksat-service-password",
}
_CONVERT = """
set -eu
umask 077
cd /root
debstack preseed convert theirs.preseed >ours.preseed 2>told
debstack preseed check ours.preseed
debconf-set-selections ours.preseed
"""


def answers(text: str) -> dict[str, str]:
    """Return question to answer of a preseed file without continued lines."""
    lines = [line.split(" ", 3) for line in text.splitlines() if line and line[0] != "#"]
    return {line[1]: line[3] if len(line) > 3 else "" for line in lines}


@pytest.fixture(scope="module")
def converted(make_module_node: NodeMaker) -> Node:
    """A controller that was installed with the answers that Debian's packages had been given."""
    node = make_module_node(stage="debian").boot()
    theirs = THEIRS.read_text(encoding="utf-8").replace(ADDRESS, node.address)
    node.write_file("/root/theirs.preseed", theirs, mode=0o600)
    apt(node, "install", "debstack")
    act(node, "sh", "-c", _CONVERT)
    apt(node, "install", METAPACKAGE)
    return node


def test_the_answers_of_the_converted_file_are_in_effect(converted: Node) -> None:
    shown = json.loads(converted.run(["debstack", "answers", "show", "--json"]).stdout)
    given = {row["name"]: row["value"] for row in shown if row["from"] == "site.preseed"}
    assert given["openstack/region"] == "North-1"
    assert given["openstack/public-host"] == converted.address
    assert given["openstack/database"] == "mariadb"
    found = identity(converted)
    assert {endpoint.region for endpoint in found.endpoints} == {"North-1"}
    assert found.urls("identity")["public"] == f"https://{converted.address}:5000/v3"
    assert found.urls("image")["public"] == f"https://{converted.address}:9292"
    assert "nothing to do" in debstack(converted, "apply").stdout
    image_comes_back(converted)


def test_the_passwords_of_each_service_are_its_passwords_here(converted: Node) -> None:
    theirs = answers(THEIRS.read_text(encoding="utf-8"))
    passwords = {ours: theirs[name] for ours, name in PASSWORDS.items()}
    assert len(set(passwords.values())) == len(passwords), "none can be taken for another"
    converted.write_file("/root/passwords.json", json.dumps(passwords), mode=0o600)
    logins = inside(converted, "logins", "/root/passwords.json", "admin", "admin")
    # It tries all accounts; Keystone's at the broker has a password that was generated.
    assert {name: logins[name] for name in passwords} == dict.fromkeys(passwords, "")
    told = converted.read_file("/root/told")
    assert "glance/rabbit-userid: not used: " in told
    for name, value in theirs.items():
        if "pass" in name:
            assert value not in told, name
    mode = act(converted, "stat", "--format=%a", "/root/ours.preseed").stdout.strip()
    assert mode == "600"


def test_the_files_that_are_shipped_pass_the_check_that_is_shipped(converted: Node) -> None:
    names = act(converted, "ls", EXAMPLES).stdout.split()
    assert set(names) == {path.name for path in (ROOT / "preseed").glob("*.preseed")}
    for name in names:
        debstack(converted, "preseed", "check", f"{EXAMPLES}/{name}")
        given = re.sub(r"^#(?=\S)", "", converted.read_file(f"{EXAMPLES}/{name}"), flags=re.M)
        assert debstack(converted, "preseed", "check", "-", input=given).stdout.count("error") == 0
    wrong = "debstack nova/virt-tipe select kvm\n"  # of a package that is not installed
    refused = act(converted, "debstack", "preseed", "check", "-", input=wrong, check=False)
    assert refused.code == 3
    assert "standard input:1: nova/virt-tipe: " in refused.stdout
    assert 'did you mean "nova/virt-type"' in refused.stdout


def test_what_the_installer_does_with_its_file_makes_a_cloud(make_node: NodeMaker) -> None:
    node = make_node("two", stage="debian")
    text = (ROOT / "preseed/installer-base.preseed").read_text(encoding="utf-8")
    text = re.sub(r"^#(?=\S+ openstack/region )", "", text, flags=re.M).replace(
        "openstack/region string RegionOne", "openstack/region string Bare-Metal"
    )
    text = text.replace("\\\n", "")
    # The installer keeps the lines with the owner d-i, and hands the others to the new system.
    handed = [line for line in text.splitlines() if line and not line.startswith(("#", "d-i "))]
    act(node, "debconf-set-selections", input="\n".join(handed) + "\n")
    include = answers(text)["pkgsel/include"].replace(",", " ").split()
    assert include == [METAPACKAGE]
    shown = apt(node, "install", *include).stdout
    assert "left for the first boot (debstack-apply.service)" in shown
    node.boot(timeout_s=180)
    await_first_boot(node)
    assert {endpoint.region for endpoint in identity(node).endpoints} == {"Bare-Metal"}
    assert "nothing to do" in debstack(node, "apply").stdout
