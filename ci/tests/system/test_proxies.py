# SPDX-License-Identifier: Apache-2.0
"""Two proxies with one address: one of them has it, and may fail; users see the operator's TLS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import dropwhile
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cloudtest import several
from cloudtest.acting import INSIDE, act, apt, complaint, debstack, inside, preseed, status
from cloudtest.observing import assert_no_failed_unit, identity
from debstack.runtime.tls import places
from testbed import archive
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

FACE = "cloud.example.org"
DASHBOARD = "openstack-dashboard"
CONSOLES, DASHBOARDS = 6080, 8090
_TIMEOUT_S = 1800.0
#: keepalived misses another one after 3.6 s, and HAProxy's end after 2.
_MOVED_WITHIN_S = 15.0
_ASKED = "/root/asked"
_CERTIFICATE, _KEY = "/etc/ssl/private/cloud.pem", "/etc/ssl/private/cloud.key"
_OPERATOR = "/usr/local/share/ca-certificates/operator.crt"
#: An authority with another one between it and servers, and what servers might show.
_CERTIFICATES = r"""
set -eu
face=$1
umask 077
mkdir -p /root/operator
cd /root/operator
new="-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes"
openssl req -x509 $new -days 30 -subj "/CN=operator" -keyout root.key -out root.pem \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
openssl req $new -subj "/CN=operator, servers" -keyout between.key -out between.csr
printf 'basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n' >between.ext
openssl x509 -req -in between.csr -CA root.pem -CAkey root.key -days 30 \
    -extfile between.ext -out between.pem
# issue NAME HOST OPTION…
issue() {
    name=$1 host=$2
    shift 2
    openssl req $new -subj "/CN=$host" -keyout "$name.key" -out "$name.csr"
    printf 'subjectAltName=DNS:%s\nextendedKeyUsage=serverAuth\n' "$host" >"$name.ext"
    openssl x509 -req -in "$name.csr" -CA between.pem -CAkey between.key \
        -extfile "$name.ext" -out "$name.crt" "$@"
    cat "$name.crt" between.pem >"$name.pem"
}
issue right "$face" -days 25
issue other "$face" -days 25
issue ended "$face" -not_before 20250101000000Z -not_after 20250201000000Z
issue elsewhere elsewhere.example.org -days 25
cp right.crt alone.pem
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cloud:
    """A controller, from which users ask, too, and the proxies that share an address."""

    controller: Node
    proxies: tuple[Node, Node]
    #: The address.
    address: str

    @property
    def nodes(self) -> tuple[Node, ...]:
        """All of its machines."""
        return (self.controller, *self.proxies)


@pytest.fixture(scope="module")
def cloud(repository: Path) -> Iterator[Cloud]:
    """All joined: two lines on the controller, and what it exports on each proxy."""
    with Testbed("proxies") as bed:
        names = ("controller", "proxy-1", "proxy-2")
        made = [several.make_machine(bed, name, repository) for name in names]
        controller, one, two = (node.boot() for node in made)
        address = controller.address.rpartition(".")[0] + ".200"
        act(controller, "sh", "-c", f"echo {address} {FACE} >>/etc/hosts")
        answers = {"openstack/public-host": FACE, "openstack/virtual-address": address}
        preseed(controller, answers, {})
        apt(controller, "install", "openstack-controller", timeout_s=_TIMEOUT_S)
        with ThreadPoolExecutor() as pool:
            list(pool.map(lambda node: several.join(controller, node, ["proxy"]), (one, two)))
        yield Cloud(controller=controller, proxies=(one, two), address=address)


def has_address(node: Node, address: str) -> bool:
    """Say whether the address is one of `node` now."""
    return bool(node.running()) and f" {address}/" in act(node, "ip", "address", "show").stdout


def holder(cloud: Cloud) -> Node:
    """Return the proxy that has the address, once exactly one has it."""
    found: list[Node] = []

    def one() -> bool:
        found[:] = [node for node in cloud.proxies if has_address(node, cloud.address)]
        return len(found) == 1

    wait_until(one, timeout_s=60, interval_s=0.5, what="one proxy to have the address")
    return found[0]


def public_ports(cloud: Cloud) -> list[int]:
    """Return the ports of all public URLs, and those of consoles and dashboards."""
    endpoints = identity(cloud.controller).endpoints
    urls = [urlsplit(found.url) for found in endpoints if found.interface == "public"]
    assert {(url.scheme, url.hostname) for url in urls} == {("https", FACE)}
    return sorted({CONSOLES, DASHBOARDS, *(url.port or 443 for url in urls)})


def shown(cloud: Cloud, node: str, port: int, authority: str) -> str:
    """Return the serial number of what is shown at a port of `node`, verified for users."""
    argv = ["openssl", "s_client", "-connect", f"{node}:{port}", "-servername", FACE]
    argv += ["-CAfile", authority, "-no-CApath", "-no-CAstore"]
    argv += ["-verify_return_error", "-verify_hostname", FACE]
    told = act(cloud.controller, *argv, check=False, input="").stdout
    assert "Verify return code: 0 (ok)" in told, f"{node}:{port}: {told}"
    return act(cloud.controller, "openssl", "x509", "-noout", "-serial", input=told).stdout


def use(cloud: Cloud) -> None:
    """Use the cloud by its public URLs, as the command line client does."""
    by = ("openstack", "--os-cloud", "admin", "--os-interface", "public")
    for command in (("token", "issue"), ("image", "list"), ("network", "list")):
        cloud.controller.run([*by, *command], timeout_s=60)


@contextmanager
def asking(cloud: Cloud) -> Iterator[list[tuple[float, int | str]]]:
    """Ask for Keystone's public URL while the block runs; it has the outcomes afterwards."""
    node, found = cloud.controller, list[tuple[float, int | str]]()
    node.copy_in(INSIDE / "keep_asking.py", "/root/keep_asking.py")
    argv = ["python3", "/root/keep_asking.py", f"https://{FACE}:5000/v3", _ASKED]
    act(node, "rm", "-f", _ASKED)
    act(node, "systemd-run", "--unit=asking", "--collect", *argv)
    try:
        await_answers(cloud, 20)
        yield found
        await_answers(cloud, 50)
    finally:
        act(node, "systemctl", "stop", "asking")
    found += sorted(json.loads(line) for line in node.read_file(_ASKED).splitlines())


def await_answers(cloud: Cloud, number: int) -> None:
    """Wait until so many requests in a row were answered, from now on."""

    def lines() -> list[str]:
        look = f"test ! -e {_ASKED} || cat {_ASKED}"  # there is none before the first one ends
        return act(cloud.controller, "sh", "-c", look).stdout.splitlines()

    before = len(lines())

    def answered() -> bool:
        last = lines()[before:][-number:]
        return len(last) == number and all(line.endswith(", 200]") for line in last)

    wait_until(answered, timeout_s=90, interval_s=0.5, what=f"{number} answers in a row")


def lost(outcomes: list[tuple[float, int | str]]) -> tuple[int, float]:
    """Return how many requests were lost, and in how many seconds; all others were answered.

    After the first answer that comes after a lost one nothing is lost any more.
    """
    bad = [index for index, (_, outcome) in enumerate(outcomes) if outcome != 200]
    if not bad:
        return 0, 0.0
    first, last = bad[0], bad[-1]
    after = dropwhile(lambda one: one[1] == 200, outcomes)
    between = [one for one in dropwhile(lambda one: one[1] != 200, after) if one[1] != 200]
    assert not between, f"lost again, after the move: {between}"
    return last - first + 1, outcomes[last][0] - outcomes[first][0]


def test_one_of_the_proxies_has_the_address(cloud: Cloud) -> None:
    having = holder(cloud)
    for node in cloud.proxies:
        assert act(node, "systemctl", "is-active", "keepalived").stdout.strip() == "active"
        assert_no_failed_unit(node)
    assert having in cloud.proxies


def test_users_come_by_it_and_verify_every_port(cloud: Cloud) -> None:
    for port in public_ports(cloud):
        assert shown(cloud, cloud.address, port, places.TRUSTED), port
    use(cloud)


def test_a_second_apply_does_nothing(cloud: Cloud) -> None:
    for node in cloud.nodes:
        assert "nothing to do" in debstack(node, "apply").stdout, node.name
        assert status(node)["in-order"], node.name


def test_each_proxy_renews_its_certificate_for_the_name_that_both_have(cloud: Cloud) -> None:
    for node in cloud.proxies:
        before = shown(cloud, node.address, 5000, places.TRUSTED)
        debstack(node, "renew", "--force")
        assert shown(cloud, node.address, 5000, places.TRUSTED) != before


def test_a_proxy_without_power_is_replaced_and_comes_back(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    first = holder(cloud)
    with asking(cloud) as outcomes:
        first.kill()
        second = holder(cloud)
    assert second is not first
    number, seconds = lost(outcomes)
    with capsys.disabled():
        print(f"\nproxy without power: {number} of {len(outcomes)} requests lost, {seconds:.1f} s")
    assert seconds < _MOVED_WITHIN_S
    use(cloud)
    with asking(cloud) as outcomes:
        first.boot()
        assert holder(cloud) is second, "an address that is served stays where it is"
    assert lost(outcomes) == (0, 0.0)
    assert_no_failed_unit(first)
    assert "nothing to do" in debstack(first, "apply").stdout
    assert status(first)["in-order"]


def test_a_proxy_that_serves_nothing_lets_go_of_the_address(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    first = holder(cloud)
    with asking(cloud) as outcomes:
        act(first, "systemctl", "stop", "haproxy")
        wait_until(
            lambda: not has_address(first, cloud.address),
            timeout_s=30,
            interval_s=0.2,
            what="the address to leave",
        )
        assert holder(cloud) is not first
    number, seconds = lost(outcomes)
    with capsys.disabled():
        print(f"\nHAProxy stopped: {number} of {len(outcomes)} requests lost, {seconds:.1f} s")
    assert seconds < _MOVED_WITHIN_S
    assert "start haproxy.service" in debstack(first, "apply").stdout
    assert status(first)["in-order"]


def test_dashboards_on_both_are_reached_by_it_whoever_has_it(
    cloud: Cloud, repository: Path
) -> None:
    archive.supply([DASHBOARD], repository=repository)
    with ThreadPoolExecutor() as pool:
        installed = pool.map(lambda node: apt(node, "install", DASHBOARD), cloud.proxies)
        assert len(list(installed)) == len(cloud.proxies)
    before = holder(cloud)
    url = f"https://{FACE}:{DASHBOARDS}"
    found = inside(cloud.controller, "dashboard_session", url, "--login")
    assert found["known"] == {"login": True}
    act(before, "systemctl", "restart", "keepalived")
    wait_until(
        lambda: not has_address(before, cloud.address) and bool(holder(cloud)),
        timeout_s=30,
        interval_s=0.2,
        what="the address to be moved by hand",
    )
    found = inside(cloud.controller, "dashboard_session", url, "--login")
    assert found["known"] == {"login": True}
    for node in cloud.proxies:
        assert "nothing to do" in debstack(node, "apply").stdout


@pytest.fixture(scope="module")
def operator(cloud: Cloud) -> str:
    """The operator's own authority, trusted by users and proxies; the file has its certificate."""
    node = cloud.controller
    act(node, "sh", "-c", _CERTIFICATES, "sh", FACE)
    root = node.read_file("/root/operator/root.pem")
    for each in cloud.nodes:
        each.write_file(_OPERATOR, root)
        act(each, "update-ca-certificates")
    return _OPERATOR


def provide(cloud: Cloud, node: Node, certificate: str, key: str) -> None:
    """Put a certificate of the operator on the proxy `node`, and answer where it is."""
    for name, path in ((f"{certificate}.pem", _CERTIFICATE), (f"{key}.key", _KEY)):
        node.write_file(path, cloud.controller.read_file(f"/root/operator/{name}"), mode=0o600)
    debstack(node, "answers", "set", "openstack/tls-certificate", _CERTIFICATE)
    debstack(node, "answers", "set", "openstack/tls-key", _KEY)


@pytest.mark.parametrize(
    ("certificate", "key", "question", "told"),
    [
        ("right", "other", "tls-key", f"{_KEY}: is not the key of {_CERTIFICATE}"),
        ("ended", "ended", "tls-certificate", "certificate has expired"),
        ("elsewhere", "elsewhere", "tls-certificate", "hostname mismatch"),
        (
            "alone",
            "right",
            "tls-certificate",
            "issuer certificate; behind it belong those that lead",
        ),
    ],
)
def test_a_certificate_that_users_could_not_verify_is_refused(
    cloud: Cloud, operator: str, certificate: str, key: str, question: str, told: str
) -> None:
    assert operator
    node = holder(cloud)
    before = {port: shown(cloud, node.address, port, places.TRUSTED) for port in (5000, 8774)}
    provide(cloud, node, certificate, key)
    for command in ("apply", "renew"):
        refused = debstack(node, command, check=False)
        assert refused.code == 3, refused.stdout
        (error,) = complaint(refused.stdout).errors
        assert f": openstack/{question}: " in error, error
        assert told.lower() in error.lower(), error
        assert len(complaint(refused.stdout).hints) == 1, refused.stdout
    assert before == {port: shown(cloud, node.address, port, places.TRUSTED) for port in before}
    use(cloud)


def test_a_right_one_is_shown_at_every_public_port_of_every_proxy(
    cloud: Cloud, operator: str
) -> None:
    with asking(cloud) as outcomes:
        for node in cloud.proxies:
            provide(cloud, node, "right", "right")
            debstack(node, "apply")
    assert lost(outcomes) == (0, 0.0)
    right = act(
        cloud.controller, "openssl", "x509", "-noout", "-serial", "-in", "/root/operator/right.pem"
    ).stdout
    for port in public_ports(cloud):
        for address in (cloud.address, *(node.address for node in cloud.proxies)):
            assert shown(cloud, address, port, operator) == right, f"{address}:{port}"
    use(cloud)
    for node in cloud.proxies:
        assert "nothing to do" in debstack(node, "apply").stdout
        assert status(node)["in-order"]
        assert act(node, "stat", "-c", "%a %U", "/etc/debstack/tls/public.pem").stdout == (
            "600 root\n"
        )


def test_machines_of_the_cloud_still_know_the_proxies_and_believe_them(cloud: Cloud) -> None:
    asker = cloud.controller
    for node in cloud.proxies:
        place = f"{node.address}:8774"
        argv = ["openssl", "s_client", "-quiet", "-connect", place, "-servername", FACE]
        request = f"GET /v2.1/servers?by={node.name} HTTP/1.0\r\n\r\n"
        assert " 401 " in act(asker, *argv, input=request).stdout.partition("HTTP/1.")[2]
        told = act(asker, "journalctl", "-u", "nova-api", "--grep", f"by={node.name}").stdout
        assert f'{asker.address} "GET /v2.1/servers?by={node.name}"' in told


def test_a_new_one_in_the_same_place_is_taken(cloud: Cloud, operator: str) -> None:
    before = shown(cloud, cloud.address, 5000, operator)
    for node in cloud.proxies:
        provide(cloud, node, "other", "other")
        act(node, "systemctl", "start", "debstack-renew")  # as its timer does
    assert shown(cloud, cloud.address, 5000, operator) != before


def test_the_file_of_the_controller_leaves_what_is_a_proxys_own(
    cloud: Cloud, operator: str
) -> None:
    node = holder(cloud)
    before = shown(cloud, node.address, 5000, operator)
    several.hand_over(cloud.controller, node, "proxy")
    debstack(node, "apply")
    assert shown(cloud, node.address, 5000, operator) == before
    assert holder(cloud) is node


def test_both_answers_taken_back_all_is_as_before(cloud: Cloud) -> None:
    for node in cloud.proxies:
        for key in ("tls-certificate", "tls-key"):
            debstack(node, "answers", "set", f"openstack/{key}", "")
        debstack(node, "apply")
        assert "nothing to do" in debstack(node, "apply").stdout
        assert act(node, "ls", "/etc/debstack/tls/public.pem", check=False).code != 0
    for port in public_ports(cloud):
        assert shown(cloud, cloud.address, port, places.TRUSTED)
    one, _ = cloud.proxies
    debstack(one, "answers", "set", "openstack/virtual-address", "")
    debstack(one, "apply")
    assert not has_address(one, cloud.address)
    assert act(one, "systemctl", "is-active", "keepalived", check=False).stdout.strip() == (
        "inactive"
    )
    assert "nothing to do" in debstack(one, "apply").stdout
    assert_no_failed_unit(one)
    assert holder(cloud) is not one
    use(cloud)


def test_an_address_of_another_network_is_refused(cloud: Cloud) -> None:
    one, _ = cloud.proxies
    debstack(one, "answers", "set", "openstack/virtual-address", "192.0.2.7")
    refused = debstack(one, "apply", check=False)
    assert refused.code == 3
    (error,) = complaint(refused.stdout).errors
    assert error.endswith(
        "openstack/virtual-address: expected an address in a network of this machine,"
        " found 192.0.2.7"
    )
    debstack(one, "answers", "set", "openstack/virtual-address", cloud.address)
    debstack(one, "apply")
    assert inside(cloud.controller, "not_up") == []
