# SPDX-License-Identifier: Apache-2.0
"""An image of ours in a cloud of ours: the builder as a package, Glance, and a server of Nova's."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from cloudtest import virtual
from cloudtest.acting import act, apt, inside, openstack, openstack_json
from cloudtest.golden import START_S, beside, golden
from cloudtest.several import exported, hypervisors
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from debstack.base.run import run
from debstack_image.emulator import started
from pipeline.image import build_image
from testbed.machine import wait_until
from testbed.node import Node

# Long: an all-in-one, an image, and a Debian that starts on an emulated processor.
pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

PACKAGE = "debstack-image-builder"
#: What it only recommends.
LIBRARIES = ("python3-cyclonedx-lib", "python3-packageurl")
PROGRAM = "build-openstack-debian-image"
NAME = "debian-trixie-amd64"
FOLDER = "/var/tmp/image"


@pytest.fixture(scope="module")
def cloud(make_module_node: NodeMaker) -> Node:
    """An all-in-one that the builder's package can be installed in."""
    packages = [ALL_IN_ONE, PACKAGE, *LIBRARIES]
    node = make_module_node(stage="all-in-one", packages=packages).boot()
    virtual.await_cloud(node)
    return node


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder with an image of trixie, built by this tree."""
    folder = tmp_path_factory.mktemp("image")
    build_image(folder)
    return folder


def test_the_package_brings_program_manual_and_completion(cloud: Node) -> None:
    apt(cloud, "install", PACKAGE)
    assert act(cloud, PROGRAM, "--help").stdout.startswith("usage: ")
    for path in (f"man/man1/{PROGRAM}.1.gz", f"bash-completion/completions/{PROGRAM}"):
        act(cloud, "test", "-s", f"/usr/share/{path}")
    shown = act(cloud, "dpkg-query", "-W", "-f", "${Conflicts} ${Replaces}", PACKAGE).stdout
    assert shown == "openstack-debian-images openstack-debian-images"


def test_the_list_of_parts_is_written_by_the_library_that_debian_has(cloud: Node) -> None:
    apt(cloud, "install", PACKAGE, *LIBRARIES)
    parts = inside(cloud, "list_of_parts")
    assert parts["bomFormat"] == "CycloneDX"
    (part,) = parts["components"]
    assert part["purl"] == "pkg:deb/debian/less@668-1?arch=amd64&distro=trixie"


def test_glance_gets_it_and_the_older_one_is_deactivated(cloud: Node, image: Path) -> None:
    act(cloud, "mkdir", "-p", FOLDER)
    for kind in ("qcow2", "properties"):
        cloud.copy_in(image / f"{NAME}.{kind}", f"{FOLDER}/{NAME}.{kind}")
    data = (image / f"{NAME}.qcow2").read_bytes()
    (first,) = inside(cloud, "upload_image", FOLDER, NAME, "deactivate", timeout_s=600)
    assert first["status"] == "active"
    assert first["distro"] == "debian"
    assert (first["size"], first["sha512"]) == (len(data), hashlib.sha512(data).hexdigest())
    older, newer = inside(cloud, "upload_image", FOLDER, NAME, "deactivate", timeout_s=600)
    assert (older["id"], older["status"], newer["status"]) == (first["id"], "deactivated", "active")
    openstack(cloud, "image", "delete", older["id"])


@pytest.mark.parametrize(
    ("rule", "status", "hidden"),
    [("deactivate", "deactivated", False), ("keep", "active", False), ("hide", "active", True)],
)
def test_glance_treats_older_images_by_the_rule(
    cloud: Node, image: Path, rule: str, status: str, hidden: bool
) -> None:
    name = f"of-rule-{rule}"
    act(cloud, "mkdir", "-p", FOLDER)
    cloud.copy_in(image / f"{NAME}.properties", f"{FOLDER}/{name}.properties")
    empty = image / "empty.qcow2"
    run(["qemu-img", "create", "-q", "-f", "qcow2", empty, "1M"])
    cloud.copy_in(empty, f"{FOLDER}/{name}.qcow2")
    (first,) = inside(cloud, "upload_image", FOLDER, name, rule)
    older, newer = inside(cloud, "upload_image", FOLDER, name, rule)
    assert (older["id"], older["status"], older["hidden"]) == (first["id"], status, hidden)
    assert (newer["status"], newer["hidden"]) == ("active", False)
    for entry in (older, newer):
        openstack(cloud, "image", "delete", entry["id"])


def test_nova_starts_it(cloud: Node) -> None:
    flavor = ["flavor", "create", "--ram", "1024", "--disk", "4", "--vcpus", "1", "for-debian"]
    openstack(cloud, *flavor)
    create = ["server", "create", "--image", NAME, "--flavor", "for-debian", "--network", "demo"]
    openstack(cloud, *create, "--key-name", "demo", "--wait", "debian", timeout_s=600)
    (port,) = openstack_json(cloud, "port", "list", "--server", "debian")
    floating = ["floating", "ip", "create", "--port", port["ID"], "external"]
    address = openstack_json(cloud, *floating)["floating_ip_address"]
    login = ["ssh", "-oBatchMode=yes", "-oConnectTimeout=10", "-oStrictHostKeyChecking=no"]
    login += ["-oUserKnownHostsFile=/dev/null", "-oLogLevel=ERROR", f"debian@{address}"]

    def asked(command: str) -> str:
        return cloud.run([*login, command], timeout_s=300, check=False).stdout.strip()

    wait_until(
        lambda: asked("cloud-init status --wait >/dev/null; hostname") == "debian",
        timeout_s=START_S,
        interval_s=3.0,
        what=f"SSH of the Debian at {address}",
    )
    assert asked("cloud-init query cloud_id") == "openstack"
    assert asked("systemctl --failed --plain --no-legend") == ""
    assert int(asked("findmnt --noheadings --bytes --output SIZE /")) > 3 * 2**30
    virtual.remove_server(cloud, "debian")


def test_a_golden_compute_node_joins_by_itself(
    cloud: Node, repository: Path, tmp_path: Path
) -> None:
    answers = tmp_path / "compute.preseed"
    answers.write_text(exported(cloud, "compute"))
    wanted = ("--preseed", answers, "--include", "openstack-compute")
    machine, key = golden(tmp_path, repository, *wanted)
    with started(replace(machine, within=beside(cloud)), tmp_path, "amd64") as found:
        found.wait_for_ssh("debian", key, START_S)
        wait_until(
            lambda: hypervisors(cloud).get("golden") == "up",
            timeout_s=START_S,
            interval_s=5.0,
            what="the compute node to be up",
        )
        asked = found.ssh("debian", key, "sudo cat /etc/iscsi/initiatorname.iscsi").stdout
        assert "InitiatorName=iqn." in asked
        assert found.ssh("debian", key, "systemctl --failed --plain --no-legend").stdout == ""
        assert "nothing to do" in found.ssh("debian", key, "sudo debstack plan 2>&1").stdout


def test_a_golden_image_converges_at_its_first_boot(repository: Path, tmp_path: Path) -> None:
    machine, key = golden(tmp_path, repository, "--include", "keystone,curl")
    with started(machine, tmp_path, "amd64") as running:
        running.wait_for_ssh("debian", key, START_S)

        def converged() -> bool:
            test = "cloud-init status --wait >/dev/null; sudo test ! -e /var/lib/debstack/pending"
            return running.ssh("debian", key, test, check=False).code == 0

        wait_until(converged, timeout_s=START_S, interval_s=3.0, what="debstack apply")
        # Its certificate was made at its first boot, by an authority that was made then, too.
        ask = "curl --fail --silent --show-error https://$(hostname -I | cut -d' ' -f1):5000/v3"
        version = running.ssh("debian", key, ask).stdout
        assert '"status": "stable"' in version
        assert "nothing to do" in running.ssh("debian", key, "sudo debstack plan 2>&1").stdout
