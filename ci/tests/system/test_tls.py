# SPDX-License-Identifier: Apache-2.0
"""TLS in front of every service: verified by who trusts the cloud, renewed, provided, put off."""

from __future__ import annotations

import pytest

from cloudtest import provided
from cloudtest.acting import act, answer, apt, complaint, debstack, inside, openstack
from cloudtest.observing import identity, started, unsettled
from cloudtest.several import hand_over
from cloudtest.stages import METAPACKAGE, NodeMaker
from debstack.runtime.tls import places
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

PORTS = {"identity": 5000, "image": 9292}
_RENEWALS = 3
#: Puts a certificate there that is seventy days old.
_AGED = """
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from debstack.runtime.tls import issuing, places, reading

authority = places.held(Path("/"), places.AUTHORITY_KEY, places.AUTHORITY)
path = Path(sys.argv[1])
now = reading.chain_of(path.read_text())[0]
key = issuing.private_of(path.with_suffix(".key").read_text()).public_key()
names = sorted(reading.names_of(now))
then = datetime.now(UTC) - timedelta(days=70)
path.write_text(issuing.signed(authority, key, "controller", names, then))
"""


@pytest.fixture(scope="module")
def cloud(make_module_node: NodeMaker) -> Node:
    """A whole cloud; each test leaves it in order."""
    node = make_module_node(stage="controller").boot()
    debstack(node, "apply")
    return node


def s_client(node: Node, place: str, *options: str) -> str:
    """Return what openssl says of the server at `place`, which it does not trust by itself."""
    argv = ["openssl", "s_client", "-connect", place, "-verify_return_error", *options]
    return act(node, *argv, check=False, input="").stdout


def settled(node: Node) -> None:
    assert "nothing to do" in debstack(node, "apply").stdout
    assert unsettled(node) == {}


def test_every_public_port_is_verified_by_the_clouds_authority(cloud: Node) -> None:
    urls = {kind: identity(cloud).urls(kind) for kind in PORTS}
    for kind, port in PORTS.items():
        assert all(url.startswith("https://") for url in urls[kind].values())
        verify = (
            "-verify_ip",
            cloud.address,
            "-CAfile",
            places.TRUSTED,
        )
        shown = s_client(cloud, f"{cloud.address}:{port}", *verify)
        assert "Verify return code: 0 (ok)" in shown
        assert "TLSv1.3" in shown
        old = s_client(cloud, f"{cloud.address}:{port}", "-tls1_1")
        assert "no peer certificate available" in old
        plain = inside(cloud, "ask", f"http://{cloud.address}:{port}/")
        assert isinstance(plain, str), f"answered {plain} in plain text"
    openstack(cloud, "token", "issue")


def test_only_the_loopback_has_services_without_tls(cloud: Node) -> None:
    shown = act(cloud, "ss", "-Hltnp").stdout
    listening = {line.split()[3]: line.split()[-1] for line in shown.splitlines()}
    for port in PORTS.values():
        assert "haproxy" in listening[f"{cloud.address}:{port}"]
        assert "uwsgi" in listening[f"127.0.0.1:{port}"]


def test_keys_are_for_root_alone(cloud: Node) -> None:
    find = [
        "find",
        "/etc/debstack/tls",
        "/var/lib/debstack/tls",
        "-type",
        "f",
        "-printf",
        "%m %U %p\\n",
    ]
    found = [line.split() for line in act(cloud, *find).stdout.splitlines()]
    keys = [(mode, owner) for mode, owner, path in found if path.endswith((".key", ".pem"))]
    assert keys == [("600", "0")] * 3


def test_a_certificate_renewed_under_load_loses_no_request(cloud: Node) -> None:
    load = [cloud.address, str(PORTS["identity"]), str(_RENEWALS)]
    found = inside(cloud, "renewed_under_load", *load, timeout_s=300)
    assert found["failures"] == []
    assert set(found["answered"]) == {"300"}
    assert found["answered"]["300"] > 50
    assert found["serials"] >= _RENEWALS
    settled(cloud)


def test_one_that_ends_soon_is_renewed_by_the_timer_and_nothing_else_is_done(cloud: Node) -> None:
    assert "debstack-renew.timer" in act(cloud, "systemctl", "list-timers").stdout
    path = "/etc/debstack/tls/machine.crt"
    before = cloud.read_file(path)
    act(cloud, "systemctl", "start", "debstack-renew")
    assert cloud.read_file(path) == before
    act(cloud, "python3", "-c", _AGED, path)
    debstack(cloud, "apply")
    aged = cloud.read_file(path)
    assert aged != before
    act(cloud, "python3", "-c", _AGED, path)
    keystone = started(cloud, "keystone")
    # Somebody is in the middle of something: no business of a timer.
    cloud.write_file("/etc/keystone/keystone.conf.d/90-local.conf", "[DEFAULT]\n", mode=0o644)
    act(cloud, "systemctl", "start", "debstack-renew")
    assert cloud.read_file(path) != aged
    assert started(cloud, "keystone") == keystone
    act(cloud, "rm", "/etc/keystone/keystone.conf.d/90-local.conf")
    debstack(cloud, "apply")
    settled(cloud)


def test_a_provided_certificate_is_looked_at_and_then_used(cloud: Node) -> None:
    wrong, right = "DNS:elsewhere.example", f"IP:{cloud.address}"
    provided.issue(cloud, "wrong", wrong)
    provided.issue(cloud, "right", right)
    answer(
        cloud,
        tls="provided",
        tls_certificate="/etc/ssl/own/wrong.pem",
        tls_key="/etc/ssl/own/wrong.key",
    )
    answer(cloud, identity_ca="/etc/ssl/own/ca.pem")
    refused = debstack(cloud, "apply", check=False)
    assert refused.code == 3
    said = complaint(refused.stdout + refused.stderr)
    assert any("openstack/tls-certificate: /etc/ssl/own/wrong.pem" in line for line in said.errors)
    settings = act(cloud, "cat", "/etc/debstack/haproxy.cfg").stdout
    assert "bind" in settings, "what is in use stays in use"
    answer(cloud, tls_certificate="/etc/ssl/own/right.pem", tls_key="/etc/ssl/own/right.key")
    debstack(cloud, "apply")
    place = f"{cloud.address}:{PORTS['image']}"
    assert "Verify return code: 0 (ok)" in s_client(cloud, place, "-CAfile", "/etc/ssl/own/ca.pem")
    openstack(cloud, "image", "list")
    settled(cloud)
    answer(cloud, tls="", tls_certificate="", tls_key="", identity_ca="")
    debstack(cloud, "apply")
    settled(cloud)


def test_an_authority_that_services_cannot_read_is_told_before_they_use_it(cloud: Node) -> None:
    act(cloud, "install", "-m", "600", places.TRUSTED, "/root/ca.pem")
    answer(cloud, identity_ca="/root/ca.pem")
    refused = debstack(cloud, "apply", check=False)
    assert refused.code == 3
    (error,) = complaint(refused.stdout + refused.stderr).errors
    told = "openstack/identity-ca: /root/ca.pem: cannot be read by glance, keystone, whose"
    assert told in error
    openstack(cloud, "token", "issue")
    answer(cloud, identity_ca="")
    debstack(cloud, "apply")
    settled(cloud)


def test_off_and_on_again(cloud: Node) -> None:
    answer(cloud, tls="off")
    debstack(cloud, "apply")
    assert identity(cloud).urls("image")["public"] == f"http://{cloud.address}:9292"
    openstack(cloud, "image", "list")
    shown = act(cloud, "ss", "-Hltnp").stdout
    assert f"{cloud.address}:9292" in shown
    assert "haproxy" not in shown
    settled(cloud)
    answer(cloud, tls="")
    debstack(cloud, "apply")
    assert identity(cloud).urls("image")["public"] == f"https://{cloud.address}:9292"
    openstack(cloud, "image", "list")
    settled(cloud)


def test_a_mistake_in_the_administrators_configuration_is_told(cloud: Node) -> None:
    own = "/etc/haproxy/haproxy.cfg"
    before = cloud.read_file(own)
    cloud.write_file(own, before + "frontend broken\n\tbund 1\n", mode=0o644)
    refused = debstack(cloud, "renew", "--force", check=False)
    assert refused.code == 3
    assert "unknown keyword 'bund'" in refused.stdout + refused.stderr
    openstack(cloud, "token", "issue")
    cloud.write_file(own, before, mode=0o644)
    debstack(cloud, "apply")
    settled(cloud)


def test_a_machine_that_joins_gets_a_certificate_for_its_own_names(
    cloud: Node, make_node: NodeMaker
) -> None:
    node = make_node("images", stage="debian", packages=[METAPACKAGE, "glance-api"]).boot()
    hand_over(cloud, node, own=False)
    handed = act(cloud, "debstack", "secrets", "show", "openstack/admin-password").stdout
    debconf = f"debstack openstack/admin-password password {handed}"
    node.run(["debconf-set-selections"], input=debconf)
    apt(node, "install", "glance-api")
    place = f"{node.address}:9292"
    shown = s_client(cloud, place, "-verify_ip", node.address)
    assert "Verify return code: 0 (ok)" in shown
    issued = "/var/lib/debstack/tls/issued/images.crt"
    assert (
        act(cloud, "cat", issued).stdout == act(node, "cat", "/etc/debstack/tls/machine.crt").stdout
    )
    assert act(node, "ls", "/var/lib/debstack/tls", check=False).code != 0, "it has no authority"
    debstack(node, "renew", "--force")
    assert (
        act(cloud, "cat", issued).stdout == act(node, "cat", "/etc/debstack/tls/machine.crt").stdout
    )
    settled(node)
