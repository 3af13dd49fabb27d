# SPDX-License-Identifier: Apache-2.0
"""A cloud of four machines: each joins by one preseed file and apt-get, and knows no more."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cloudtest import provided, several, virtual
from cloudtest.acting import (
    act,
    answer,
    apt,
    complaint,
    debstack,
    inside,
    openstack,
    openstack_json,
    status,
)
from cloudtest.joined import COMPUTES, INSTALL_TIMEOUT_S, ZONE, Cloud, make_joined_cloud
from cloudtest.observing import assert_no_failed_unit, identity, started
from debstack.base.errors import CommandError
from debstack.base.run import Result
from debstack.runtime.tls import places
from testbed import archive
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system]

DASHBOARD = "openstack-dashboard"
_JOIN_SECRET = "openstack/join-secret"
#: The port of noVNC.
CONSOLES = 6080
#: The ports of OVN's databases.
OVN = {"nb": 6641, "sb": 6642}
#: The certificate of a machine, as Neutron's agents read it.
_COPY = "/etc/neutron/debstack.crt"
#: Key and certificate of somebody whom nobody in this cloud knows.
_OTHER = "/root/other.pem"
_SELF_SIGNED = (
    *("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"),
    *("-days", "2", "-subj", "/CN=other", "-keyout", _OTHER, "-out", _OTHER),
)
#: Where others reach MariaDB.
MARIADB = 3306
#: What only the controller may know.
_FOREIGN = re.compile(r"(admin|database)-password|(?<!nova/)service-password")


@pytest.fixture(scope="module")
def bed() -> Iterator[Testbed]:
    """What the machines are in."""
    with Testbed("nodes") as bed:
        yield bed


@pytest.fixture(scope="module")
def cloud(bed: Testbed, repository: Path) -> Cloud:
    """All nodes joined, with the networks of debstack demo."""
    return make_joined_cloud(bed, repository)


def test_an_unreachable_controller_is_told_once_and_the_rest_is_done_later(cloud: Cloud) -> None:
    done = cloud.unreached
    assert done.code == 100, done.stdout
    said = complaint(done.stdout)
    assert len(said.errors) == 1, done.stdout
    address = cloud.controller.record.interfaces[0].address
    assert f"RabbitMQ cannot be reached: {address}:5671 (" in said.errors[0]
    assert len(said.hints) == 1, done.stdout
    assert said.hints[0].endswith("then: debstack apply")
    assert "Traceback" not in done.stdout
    assert re.findall(r"^ (\S+)", cloud.left, re.M) == ["debstack"], cloud.left
    node = cloud.computes["compute-2"]
    assert act(node, "dpkg", "--audit").stdout == ""
    assert several.machines(cloud.controller)["compute-2"]["state"] == "up"


def zones(controller: Node) -> dict[str, str]:
    """Return the availability zone of each compute node, as the controller tells it."""
    found = several.machines(controller)
    return {name: found[name]["zone"] for name in COMPUTES}


def members(controller: Node, aggregate: str) -> list[str]:
    """Return the hosts of a host aggregate."""
    found: list[str] = openstack_json(controller, "aggregate", "show", aggregate)["hosts"]
    return found


def test_a_compute_node_is_in_the_zone_and_the_groups_of_its_answers(cloud: Cloud) -> None:
    node, member = cloud.controller, cloud.computes["compute-1"]
    assert zones(node) == {"compute-1": ZONE, "compute-2": "nova"}
    listed = openstack_json(node, "availability", "zone", "list", "--compute")
    assert {zone["Zone Name"] for zone in listed} >= {ZONE, "nova"}
    virtual.order(node, {"act": "create", "server": "zoned", "zone": ZONE})
    (server,) = openstack_json(node, "server", "list", "--long", "--name", "zoned")
    assert (server["Host"], server["Availability Zone"]) == ("compute-1", ZONE)
    debstack(member, "answers", "set", "nova/availability-zone", "az2")
    refused = debstack(member, "apply", check=False)
    assert refused.code == 3, refused.stdout
    assert "compute-1 has servers, and Nova takes none from one" in refused.stdout
    assert "debstack drain compute-1" in refused.stdout
    assert zones(node)["compute-1"] == ZONE
    openstack(node, "server", "delete", "zoned")
    # The client waits for no more than the status DELETED; Nova has the server on its host until
    # the record is gone, which is half a second later.
    show = ("openstack", "--os-cloud", "admin", "server", "show", server["ID"])
    wait_until(
        lambda: act(node, *show, check=False).code != 0,
        timeout_s=120,
        interval_s=1,
        what="the server to be gone",
    )
    debstack(member, "apply")
    assert zones(node) == {"compute-1": "az2", "compute-2": "nova"}
    assert members(node, ZONE) == []
    openstack(node, "aggregate", "remove", "host", "az2", "compute-1")
    assert "join availability zone az2" in debstack(member, "plan").stdout
    debstack(member, "apply")
    assert zones(node)["compute-1"] == "az2"
    openstack(node, "aggregate", "create", "ours")
    openstack(node, "aggregate", "add", "host", "ours", "compute-1")
    debstack(member, "answers", "set", "nova/availability-zone", "")
    debstack(member, "answers", "set", "nova/aggregates", "ssd,gpu")
    debstack(member, "apply")
    assert status(member)["in-order"]
    assert zones(node) == dict.fromkeys(COMPUTES, "nova")
    assert [members(node, name) for name in ("az2", "ssd", "gpu")] == [[], *[["compute-1"]] * 2]
    asked = ("--property", "aggregate_instance_extra_specs:ssd=true")
    openstack(node, "flavor", "create", "--ram", "256", "--disk", "1", *asked, "fast")
    create = ("server", "create", "--image", "demo", "--flavor", "fast", "--network", "demo")
    nowhere = act(node, "openstack", "--os-cloud", "admin", *create, "--wait", "fast", check=False)
    assert nowhere.code != 0, nowhere.stdout
    openstack(node, "server", "delete", "--wait", "fast")
    openstack(node, "aggregate", "set", "--property", "ssd=true", "ssd")
    openstack(node, *create, "--wait", "fast", timeout_s=300)
    (server,) = openstack_json(node, "server", "list", "--long", "--name", "fast")
    assert server["Host"] == "compute-1"
    openstack(node, "server", "delete", "--wait", "fast")
    openstack(node, "flavor", "delete", "fast")
    debstack(member, "answers", "set", "nova/aggregates", "")
    debstack(member, "apply")
    assert [members(node, name) for name in ("ssd", "gpu", "ours")] == [[], [], ["compute-1"]]


def test_servers_on_two_nodes_reach_each_other_and_the_world(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    told = several.prove_nodes(cloud.controller, COMPUTES)
    with capsys.disabled():
        for name, seconds in cloud.took.items():
            print(f"\n{name}: from debstack export to the end of apt-get: {seconds:.0f} s")
    assert told == "servers on compute-1 and compute-2 reach each other"


def shown(node: Node, place: str, *options: str, check: bool = True) -> Result:
    """Return what openssl says to `node` of the server at `place`; it fails unless both agree."""
    verify = ("-verify_return_error", "-verify_ip", place.partition(":")[0])
    argv = ["openssl", "s_client", "-connect", place, "-CAfile", places.TRUSTED, *verify]
    return act(node, *argv, "-tls1_2", *options, check=check, input="")


def await_ovn(node: Node, state: str = "connected") -> None:
    """Wait until OVN on `node` says that it is, or is not, connected to its database."""
    ask = ("ovn-appctl", "-t", "ovn-controller", "connection-status")
    wait_until(
        lambda: act(node, *ask).stdout.strip() == state,
        timeout_s=60,
        interval_s=0.5,
        what=f"OVN on {node.name} to be {state}",
    )


def southbound(node: Node) -> str:
    """Return where OVN on `node` has its database."""
    told = act(node, "ovs-vsctl", "get", "Open_vSwitch", ".", "external_ids:ovn-remote")
    return told.stdout.strip().strip('"')


def test_ovn_lets_in_only_who_has_a_certificate_of_the_cloud(cloud: Cloud) -> None:
    address = cloud.controller.address
    for node in (cloud.proxy, *cloud.computes.values()):
        assert southbound(node) == f"ssl:{address}:{OVN['sb']}"
        await_ovn(node)
        to_it = act(node, "ss", "-Htnp", "state", "established", f"dport = :{OVN['sb']}").stdout
        assert set(re.findall(r'"([^"]+)",pid', to_it)) >= {"ovn-controller", "neutron-ovn-age"}
        listed = ("--bare", "--columns=hostname", "list", "Chassis")
        hosts = act(node, "/usr/share/neutron/ovn-southbound", southbound(node), *listed).stdout
        assert set(hosts.split()) == {"proxy", *cloud.computes}
    user = cloud.computes["compute-1"]
    act(user, "openssl", *_SELF_SIGNED)
    for kind, port in OVN.items():
        place = f"{address}:{port}"
        ask = [f"ovn-{kind}ctl", "--timeout=5", f"--private-key={places.KEY}"]
        ask.append(f"--certificate={places.CERTIFICATE}")
        assert act(user, *ask, f"--ca-cert={places.TRUSTED}", f"--db=ssl:{place}", "show").code == 0
        plain = act(user, f"ovn-{kind}ctl", "--timeout=5", f"--db=tcp:{place}", "show", check=False)
        assert "database connection failed" in plain.stdout
        shown(user, place, "-cert", places.CERTIFICATE, "-key", places.KEY)
        nobody = shown(user, place, check=False)
        other = shown(user, place, "-cert", _OTHER, "-key", _OTHER, check=False)
        for refused in (nobody, other):
            assert refused.code != 0
            assert "SSL alert number" in refused.stdout
    assert shown(user, f"{address}:5000").code == 0, "others are asked for none"
    act(user, "rm", _OTHER)


def serial(node: Node, text: str) -> str:
    """Return the number of the first certificate in `text`."""
    return act(node, "openssl", "x509", "-noout", "-serial", input=text).stdout.strip()


def test_ovn_takes_a_renewed_certificate_while_it_runs(cloud: Cloud) -> None:
    controller, node = cloud.controller, cloud.computes["compute-1"]
    daemons = ("ovn-controller", "neutron-ovn-agent")
    running = [started(node, name) for name in daemons]
    place = f"{controller.address}:{OVN['sb']}"
    for machine in (controller, node):
        before = machine.read_file(places.CERTIFICATE)
        debstack(machine, "renew", "--force")
        assert before != machine.read_file(places.CERTIFICATE) == machine.read_file(_COPY)
    new = serial(node, controller.read_file(places.CERTIFICATE))
    own = ("-cert", places.CERTIFICATE, "-key", places.KEY)
    wait_until(
        lambda: serial(node, shown(node, place, *own).stdout) == new,
        timeout_s=30,
        interval_s=0.5,
        what="OVN's database to show the new certificate",
    )
    await_ovn(node)
    # What it connects with next is what lies there then: here one that is nobody's.
    act(node, "openssl", *_SELF_SIGNED)
    for path in (_COPY, _COPY.replace(".crt", ".key")):
        act(node, "cp", _OTHER, path)
    act(controller, "systemctl", "restart", "ovn-ovsdb-server-sb")
    await_ovn(node, "not connected")
    await_ovn(cloud.computes["compute-2"])
    assert "write /etc/neutron/debstack.crt" in debstack(node, "apply").stdout
    await_ovn(node)
    assert [started(node, name) for name in daemons] == running
    wait_until(
        lambda: reported(controller) == [],
        timeout_s=120,
        interval_s=2,
        what="all agents to report",
    )
    act(node, "rm", _OTHER)
    assert status(node)["in-order"]


def provide(cloud: Cloud, node: Node) -> None:
    """Have the controller and `node` show certificates by an authority that is not the cloud's."""
    controller = cloud.controller
    faces = f"IP:{controller.address},IP:{cloud.proxy.address}"
    for machine, hosts in ((controller, faces), (node, f"IP:{node.address}")):
        provided.issue(controller, machine.name, hosts)
        certificate, key = provided.paths(machine.name)
        for path in (provided.AUTHORITY, certificate, key) if machine is node else ():
            node.write_file(path, controller.read_file(path))
        act(machine, "cp", provided.AUTHORITY, "/usr/local/share/ca-certificates/own.crt")
        act(machine, "update-ca-certificates")
        answer(machine, tls_certificate=certificate, tls_key=key, identity_ca=provided.AUTHORITY)


@pytest.mark.long
def test_ovn_follows_where_certificates_come_from(cloud: Cloud) -> None:
    controller, node = cloud.controller, cloud.computes["compute-1"]
    for mode, protocol in (("off", "tcp"), ("provided", "ssl"), ("local-ca", "ssl")):
        if mode == "provided":
            provide(cloud, node)
        if mode == "local-ca":
            for machine in (controller, node):
                answer(machine, tls_certificate="", tls_key="", identity_ca="")
        answer(controller, tls=mode)
        debstack(controller, "apply")
        if mode == "off":
            answer(node, messaging_ca="")  # what is empty is not exported
        several.hand_over(controller, node, "compute")
        debstack(node, "apply")
        assert southbound(node) == f"{protocol}:{controller.address}:{OVN['sb']}", mode
        await_ovn(node)
        for machine in (controller, node):
            assert "nothing to do" in debstack(machine, "apply").stdout, (mode, machine.name)
    for other in (cloud.proxy, *cloud.computes.values()):
        await_ovn(other)
    wait_until(
        lambda: reported(controller) == [],
        timeout_s=120,
        interval_s=2,
        what="all services to report",
    )


def test_every_public_url_leads_to_the_proxy_and_is_verified_elsewhere(cloud: Cloud) -> None:
    hosts: dict[str, set[str]] = {}
    ports = {CONSOLES}
    for endpoint in identity(cloud.controller).endpoints:
        url = urlsplit(endpoint.url)
        assert url.scheme == "https", endpoint
        hosts.setdefault(endpoint.interface, set()).add(url.hostname or "")
        ports.add(url.port or 443)
    inner = {cloud.controller.address}
    assert hosts == {"public": {cloud.proxy.address}, "internal": inner, "admin": inner}
    assert {5000, 8774, 8776, 8778, 9292, 9696} <= ports
    user = cloud.computes["compute-1"]
    verify = ("-verify_return_error", "-verify_ip", cloud.proxy.address)
    for port in sorted(ports):
        place = f"{cloud.proxy.address}:{port}"
        argv = ["openssl", "s_client", "-connect", place, "-CAfile", places.TRUSTED, *verify]
        assert "Verify return code: 0 (ok)" in act(user, *argv, input="").stdout, place
        plain = inside(user, "ask", f"http://{place}/")
        assert isinstance(plain, str), f"{place}: answered {plain} in plain text"
    openstack(cloud.controller, "--os-interface", "public", "server", "list")


def test_services_know_who_asked_the_proxy_and_believe_nobody_else(cloud: Cloud) -> None:
    user = cloud.computes["compute-1"]
    for face in (cloud.proxy, cloud.controller):
        url = f"https://{face.address}:8774/v2.1/servers?by={face.name}"
        claim = ("X-Forwarded-For", "192.0.2.66", "Forwarded", "for=192.0.2.66")
        assert inside(user, "ask", url, *claim) == 401
        told = act(cloud.controller, "journalctl", "-u", "nova-api", "--grep", f"by={face.name}")
        assert f'{user.address} "GET /v2.1/servers?by={face.name}"' in told.stdout
        assert "192.0.2.66" not in told.stdout


@pytest.fixture(scope="module")
def first(cloud: Cloud) -> str:
    """The floating IP of the server "first"."""
    return virtual.make_server(cloud.controller, "first")


def test_metadata_and_user_data_come_to_another_machine(cloud: Cloud, first: str) -> None:
    assert "user data ran" in virtual.prove_login(cloud.controller, first)
    assert virtual.prove_metadata(cloud.controller, first).startswith("first, ")


def test_a_floating_ip_leads_through_the_proxy(cloud: Cloud, first: str) -> None:
    assert (
        f"via {cloud.proxy.address} " in act(cloud.controller, "ip", "route", "get", first).stdout
    )
    find = ["--bare", "--columns=chassis", "find", "Port_Binding", "type=chassisredirect"]
    (chassis,) = act(cloud.controller, "ovn-sbctl", *find).stdout.split()
    named = ["--bare", "--columns=hostname", "list", "Chassis", chassis]
    assert act(cloud.controller, "ovn-sbctl", *named).stdout.strip() == "proxy"
    assert virtual.ssh(cloud.controller, first, "hostname").strip() == "first"


def console(cloud: Cloud) -> None:
    """Open the console of the server "first", as a browser does."""
    shown = inside(cloud.controller, "console", "first")
    assert shown["url"].startswith(f"https://{cloud.proxy.address}:{CONSOLES}/"), shown
    assert shown["page"] == 200, shown
    assert shown["first"].startswith("RFB 003."), shown


def test_a_console_is_served_by_the_proxy(cloud: Cloud, first: str) -> None:
    assert first
    console(cloud)


@pytest.mark.long
def test_a_dashboard_on_the_proxy_is_served_there(cloud: Cloud, repository: Path) -> None:
    archive.supply([DASHBOARD], repository=repository)
    apt(cloud.proxy, "install", DASHBOARD, timeout_s=INSTALL_TIMEOUT_S)
    url = f"https://{cloud.proxy.address}:8090"
    found = inside(cloud.controller, "dashboard_session", url, "--login")
    assert found["known"] == {"login": True}


def test_a_proxy_that_is_started_again_is_back_by_itself(
    cloud: Cloud, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    boot = virtual.ssh(cloud.controller, first, "cat /proc/sys/kernel/random/boot_id")
    began = time.monotonic()
    cloud.proxy.reboot()
    virtual.prove_login(cloud.controller, first)
    public = f"https://{cloud.proxy.address}:5000/"
    wait_until(
        lambda: inside(cloud.computes["compute-1"], "ask", public) == 300,
        timeout_s=60,
        interval_s=0.5,
        what="Keystone to answer through the proxy",
    )
    with capsys.disabled():
        print(f"\nproxy: from its reboot to its work {time.monotonic() - began:.0f} s")
    console(cloud)
    assert virtual.ssh(cloud.controller, first, "cat /proc/sys/kernel/random/boot_id") == boot
    assert status(cloud.proxy)["in-order"]
    assert_no_failed_unit(cloud.proxy)


def test_all_machines_that_are_started_again_at_once_are_a_cloud_again(
    cloud: Cloud, first: str, capsys: pytest.CaptureFixture[str]
) -> None:
    began = time.monotonic()
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda node: node.reboot(), cloud.nodes))
    booted = time.monotonic()
    wait_until(
        lambda: reported(cloud.controller) == [],
        timeout_s=300,
        interval_s=2,
        what="all services of all machines to report",
    )
    with capsys.disabled():
        told = f"{booted - began:.0f} s to boot, {time.monotonic() - booted:.0f} s to report"
        print(f"\nall machines at once: {told}")
    several.lead_outside(cloud.controller, cloud.proxy)  # the user's route is the user's
    # Nova looks once it has begun which servers do not run any more.
    wait_until(
        lambda: openstack_json(cloud.controller, "server", "show", "first")["status"] == "SHUTOFF",
        timeout_s=120,
        interval_s=2,
        what="the server to be known as stopped",
    )
    openstack(cloud.controller, "server", "start", "first")
    virtual.prove_login(cloud.controller, first)
    console(cloud)
    for node in cloud.nodes:
        assert status(node)["in-order"], node.name
        assert_no_failed_unit(node)
    virtual.remove_server(cloud.controller, "first")


def reported(controller: Node) -> list[str]:
    """Return what does not report; everything while the cloud cannot be asked yet."""
    try:
        found: list[str] = inside(controller, "not_up")
    except CommandError:
        return ["the cloud itself"]
    return found


def test_a_machine_that_joins_knows_no_secret_but_its_own(cloud: Cloud) -> None:
    held = cloud.controller.read_file("/etc/debstack/secrets.preseed")
    foreign = {
        line.split()[1]: line.split(maxsplit=3)[3]
        for line in held.splitlines()
        if line and not line.startswith("#") and _FOREIGN.search(line.split()[1])
    }
    assert {"openstack/admin-password", "nova/database-password"} <= set(foreign)
    for node in (cloud.proxy, *cloud.computes.values()):
        # Nothing found is an error for grep, and so is what vanishes in /run meanwhile.
        places = "/etc /var/lib/debstack /var/cache/debconf /var/log /root /run"
        look = f"grep -rlF -f - {places} 2>/dev/null || true"
        found = act(node, "sh", "-c", look, input="\n".join(foreign.values()) + "\n").stdout
        assert found == ""
        assert act(node, "sh", "-c", "grep -rl mysql+pymysql /etc || true").stdout == ""


def test_all_nodes_are_in_order_and_a_second_apply_rests(cloud: Cloud) -> None:
    for node in cloud.nodes:
        assert status(node)["in-order"], node.name
        assert "nothing to do" in debstack(node, "apply").stdout, node.name


def answered(text: str) -> dict[str, str]:
    """Return the values in a preseed file, by question."""
    lines = [line.split(maxsplit=3) for line in text.splitlines() if not line.startswith("#")]
    return {line[1]: line[3] for line in lines}


def test_what_is_exported_is_for_root_alone_and_checked(cloud: Cloud) -> None:
    node = cloud.controller
    act(node, "sh", "-c", "umask 022; debstack export --role compute >/root/shell.preseed")
    debstack(node, "export", "--role", "compute", "--output", "/root/file.preseed")
    modes = act(node, "stat", "-c", "%a", "/root/shell.preseed", "/root/file.preseed").stdout
    assert modes.split() == ["600", "600"]
    shell, file = (answered(node.read_file(f"/root/{name}.preseed")) for name in ("shell", "file"))
    assert shell.pop(_JOIN_SECRET) != file.pop(_JOIN_SECRET)
    assert shell == file
    assert debstack(node, "preseed", "check", "/root/file.preseed").code == 0
    for name in ("../compute-9", "compute 9", "-x", "a/b", "", "10.0.0.9", "x\x1b[2J"):
        refused = debstack(node, "export", "--role", "compute", f"--node={name}", check=False)
        assert refused.code == 3, name
        assert "--node: expected the name of a machine" in refused.stdout
        assert "\x1b" not in refused.stdout
    refused = debstack(node, "export", "--role", "computer", check=False)
    assert refused.code == 3
    assert 'found "computer" (did you mean "compute"?)' in refused.stdout
    elsewhere = next(iter(cloud.computes.values()))
    refused = debstack(elsewhere, "export", "--role", "compute", check=False)
    assert refused.code == 3


def exported(controller: Node, *arguments: str) -> dict[str, str]:
    """Return the answers that `debstack export` hands to a compute node, by question.

    Without the secret by which it gets its certificate: that is another one each time.
    """
    found = answered(several.exported(controller, "compute", *arguments))
    assert found.pop(_JOIN_SECRET)
    return found


def broker_users(controller: Node) -> set[str]:
    """Return the names of the users that RabbitMQ has."""
    listed = act(controller, "rabbitmqctl", "--quiet", "list_users", "--no-table-headers").stdout
    return {line.split("\t")[0] for line in listed.splitlines()}


def test_a_node_can_have_rabbitmq_users_of_its_own(cloud: Cloud) -> None:
    node = cloud.controller
    shared, own = exported(node), exported(node, "--node", "compute-2")
    assert "openstack/messaging-node" not in shared
    assert own["openstack/messaging-node"] == "compute-2"
    differing = {name for name in shared if shared[name] != own[name]}
    assert differing == {"nova/messaging-password", "neutron/messaging-password"}
    assert exported(node, "--node", "compute-2") == own
    owned = {"nova@compute-2", "neutron@compute-2"}
    assert owned <= broker_users(node)
    for name in owned:
        listed = ("list_user_permissions", "--no-table-headers", name)
        rights = act(node, "rabbitmqctl", "--quiet", *listed).stdout.splitlines()
        assert [line.split("\t")[0] for line in rights] == [name.partition("@")[0]]
    connected = act(node, "rabbitmqctl", "--quiet", "list_connections", "user").stdout.split()
    # Neutron's agent for OVN has an account, and speaks to OVN alone.
    assert {"nova@compute-2", "nova"} <= set(connected)
    place = "/etc/debstack/nodes/compute-2.preseed"
    assert act(node, "stat", "-c", "%a", place, place.rpartition("/")[0]).stdout.split() == [
        "600",
        "700",
    ]
    shared_ones = [shared[name] for name in differing]
    for place in ("/etc", "/var/lib/debstack", "/var/cache/debconf"):
        look = f"grep -rlF -f - {place} || test $? = 1"
        found = act(cloud.computes["compute-2"], "sh", "-c", look, input="\n".join(shared_ones))
        assert found.stdout == ""


def test_users_that_are_lost_are_made_again_and_passwords_are_changed(cloud: Cloud) -> None:
    node, other = cloud.controller, cloud.computes["compute-2"]
    act(node, "rabbitmqctl", "delete_user", "neutron@compute-2")
    assert "set up RabbitMQ user neutron@compute-2" in debstack(node, "plan").stdout
    debstack(node, "apply")
    assert "neutron@compute-2" in broker_users(node)
    old = exported(node, "--node", "compute-2")
    new = exported(node, "--node", "compute-2", "--new-passwords")
    assert old["nova/messaging-password"] != new["nova/messaging-password"]
    refused = debstack(other, "apply", "--wait", "1", check=False)
    assert refused.code == 3
    assert "nova@compute-2: no such user, or another password" in refused.stdout
    assert "debstack export --role ROLE --node compute-2 > FILE" in refused.stdout
    several.hand_over(node, other, "compute", own=True)
    debstack(other, "apply")
    assert status(other)["in-order"]
    several.await_hypervisors(node, COMPUTES)
    # One that never came.
    assert exported(node, "--node", "compute-9")["openstack/messaging-node"] == "compute-9"
    assert "nova@compute-9" in broker_users(node)
    assert "would delete RabbitMQ user nova@compute-9" in (
        debstack(node, "forget", "compute-9", "--dry-run").stdout
    )
    debstack(node, "forget", "compute-9")
    assert not {user for user in broker_users(node) if user.endswith("@compute-9")}
    refused = debstack(node, "forget", "compute-9", check=False)
    assert 'no machine of this cloud is called "compute-9"' in refused.stdout


def test_a_node_that_is_started_again_is_back_by_itself(cloud: Cloud) -> None:
    node = cloud.computes["compute-2"]
    node.reboot()
    several.await_hypervisors(cloud.controller, COMPUTES)
    assert inside(cloud.controller, "not_up") == []
    assert_no_failed_unit(node)
    # Not a matter of luck: LVM's lock lies in what is mounted at that moment.
    show = ("systemctl", "show", "--value", "lvm2-monitor.service")
    assert "run-lock.mount" in act(node, *show, "--property=After").stdout.split()
    ours = "/usr/lib/systemd/system/lvm2-monitor.service.d/debstack.conf"
    assert ours in act(node, *show, "--property=DropInPaths").stdout.split()


def test_the_controller_lists_every_machine(cloud: Cloud) -> None:
    found = several.machines(cloud.controller)
    assert {name: machine["state"] for name, machine in found.items()} == dict.fromkeys(
        (node.name for node in cloud.nodes), "up"
    )
    assert found["controller"]["roles"] == ["controller"]
    assert found["proxy"]["roles"] == ["proxy"]
    assert found["compute-1"]["roles"] == ["compute"]
    assert found["compute-1"]["hypervisor"]
    shown = debstack(cloud.controller, "nodes").stdout
    assert "compute-2: up; compute; " in shown


def test_a_drained_node_is_empty_and_its_server_ran_on(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    node = cloud.controller
    made = virtual.order(
        node, {"act": "create", "server": "moved", "floating": True, "host": "compute-2"}
    )
    address = made["moved"]["outer"]
    virtual.prove_login(node, address)
    boot = virtual.ssh(node, address, "cat /proc/sys/kernel/random/boot_id")
    planned = debstack(node, "drain", "compute-2", "--dry-run").stdout
    assert "would move moved (" in planned
    assert not several.machines(node)["compute-2"]["drained"]
    ping = ["ping", "-D", "-i", "0.2", address]
    act(node, "systemd-run", "--unit=pings", "-pStandardOutput=file:/root/pings", *ping)
    told = act(node, "debstack", "drain", "compute-2", timeout_s=600).stdout
    act(node, "systemctl", "kill", "--signal=INT", "pings")
    with capsys.disabled():
        print(f"\nlive migration: {virtual.ping_loss(node.read_file('/root/pings'))}")
    assert "compute-2 has no servers any more" in told
    assert virtual.ssh(node, address, "cat /proc/sys/kernel/random/boot_id") == boot
    assert several.machines(node)["compute-2"]["drained"]
    assert "has no servers" in debstack(node, "drain", "compute-2").stdout
    assert (
        "let compute-2 take servers again" in debstack(node, "drain", "compute-2", "--undo").stdout
    )
    assert "nothing to do" in debstack(node, "drain", "compute-2", "--undo").stdout
    service = ("compute", "service", "set", "compute-2", "nova-compute")
    openstack(node, *service, "--disable", "--disable-reason", "broken disk")
    refused = debstack(node, "drain", "compute-2", "--undo", check=False)
    assert refused.code == 3
    assert 'disabled by somebody else, for the reason "broken disk"' in refused.stdout
    assert several.machines(node)["compute-2"]["drained"]
    openstack(node, *service, "--enable")
    virtual.remove_server(node, "moved")
    refused = debstack(node, "drain", "compute-3", check=False)
    assert refused.code == 3
    assert 'no machine of this cloud is called "compute-3"' in refused.stdout


def await_silence(controller: Node, name: str) -> None:
    """Wait until nothing of the machine `name` reports, as the controller knows it."""

    def silent() -> bool:
        found = several.machines(controller).get(name, {"services": []})
        return not any(service["up"] for service in found["services"])

    wait_until(silent, timeout_s=180, interval_s=3, what=f"the cloud to miss {name}")


def test_a_machine_that_is_gone_is_forgotten(cloud: Cloud) -> None:
    node = cloud.controller
    refused = debstack(node, "forget", "compute-2", check=False)
    assert refused.code == 3
    assert "compute-2: not gone: " in refused.stdout
    cloud.computes["compute-2"].shutdown()
    await_silence(node, "compute-2")
    planned = debstack(node, "forget", "compute-2", "--dry-run").stdout
    assert "would remove nova-compute of compute-2" in planned
    assert "remove nova-compute of compute-2 (" in debstack(node, "forget", "compute-2").stdout
    assert not {user for user in broker_users(node) if user.endswith("@compute-2")}
    assert act(node, "find", "/etc/debstack/nodes", "-type", "f").stdout == ""
    assert "nothing to do" in debstack(node, "apply").stdout
    assert set(several.machines(node)) == {"controller", "proxy", "compute-1"}
    assert set(several.hypervisors(node)) == {"compute-1"}
    providers = "SELECT name FROM placement.resource_providers"
    assert act(node, "mariadb", "-N", "-e", providers).stdout.split() == ["compute-1"]
    assert several.mapped(node) == ["compute-1"]
    assert inside(node, "not_up") == []


def test_a_compute_node_that_is_purged_takes_itself_out_of_the_cloud(cloud: Cloud) -> None:
    controller, node = cloud.controller, cloud.computes["compute-1"]
    several.hand_over(controller, node, "compute", own=True)
    debstack(node, "apply")
    own = {"nova@compute-1", "neutron@compute-1"}
    assert own <= broker_users(controller)
    act(controller, "systemctl", "start", "debstack-forget")  # as its timer does
    assert own <= broker_users(controller)
    for server in openstack_json(controller, "server", "list", "--all-projects"):
        openstack(controller, "server", "delete", "--wait", server["ID"])
    answer = "debstack openstack/purge-data boolean true\n"
    act(node, "debconf-set-selections", input=answer)
    told = apt(node, "purge", "--autoremove", "openstack-compute", timeout_s=600).stdout
    assert "the cloud knows nova-compute of compute-1 no more" in told
    assert node.name not in several.hypervisors(controller)
    assert node.name not in several.mapped(controller)
    providers = "SELECT name FROM placement.resource_providers"
    assert node.name not in act(controller, "mariadb", "-N", "-e", providers).stdout.split()
    # Its agent of OVN is taken for alive for a minute more, and is left to the timer.
    await_silence(controller, node.name)
    act(controller, "systemctl", "start", "debstack-forget")
    assert node.name not in several.machines(controller)
    assert not own & broker_users(controller)
    assert act(controller, "find", "/etc/debstack/nodes", "-type", "f").stdout == ""
    assert "nothing to do" in debstack(controller, "apply").stdout
    assert inside(controller, "not_up") == []


def listens_at(node: Node, port: int) -> set[str]:
    """Return the addresses at which something listens at `port`."""
    found = act(node, "ss", "-Hltn", f"sport = :{port}").stdout.splitlines()
    return {line.split()[3].rpartition(":")[0] for line in found}


@pytest.fixture(scope="module")
def storage(bed: Testbed, cloud: Cloud, repository: Path) -> Node:
    """A machine that keeps volumes, and has joined. It comes last: others count the machines."""
    node = several.make_machine(bed, "storage", repository).boot()
    cloud.took["storage"] = several.join(cloud.controller, node, ["storage"])
    return node


def files(node: Node, folder: str) -> str:
    """Return what files Cinder has in one of its directories on `node`."""
    return act(node, "find", f"/var/lib/cinder/{folder}", "-type", "f").stdout


def await_volumes(controller: Node, state: str) -> None:
    """Wait until the cloud takes what keeps volumes on the machine for up, or down."""
    show = ("volume", "service", "list", "--service", "cinder-volume")

    def told() -> bool:
        found = {s["Host"]: s["State"] for s in openstack_json(controller, *show)}
        return found == {"storage@file": state}

    wait_until(told, timeout_s=180, interval_s=2, what=f"cinder-volume to be {state}")


def test_a_machine_with_volumes_joins_by_its_file_alone(
    cloud: Cloud, storage: Node, capsys: pytest.CaptureFixture[str]
) -> None:
    controller = cloud.controller
    with capsys.disabled():
        took = f"{cloud.took['storage']:.0f} s"
        print(f"\nstorage: from debstack export to the end of apt-get: {took}")
    await_volumes(controller, "up")
    made = virtual.order_volumes(controller, {"act": "create", "volume": "far", "type": "file"})
    assert made["far"] in files(storage, "volumes")
    for node in (controller, storage):
        assert "nothing to do" in debstack(node, "plan").stdout, node.name
        assert status(node)["in-order"], node.name
        assert_no_failed_unit(node)
    again = several.exported(controller, "storage")
    assert "nothing to do" in debstack(controller, "plan").stdout
    assert answered(again)["openstack/database-host"] == controller.address


@pytest.mark.long
def test_backups_in_files_are_made_and_found_on_the_machine_of_the_volume(
    cloud: Cloud, storage: Node
) -> None:
    controller = cloud.controller
    apt(controller, "install", "cinder-backup")
    show = ("volume", "service", "list", "--service", "cinder-backup")

    def up() -> set[str]:
        return {s["Host"] for s in openstack_json(controller, *show) if s["State"] == "up"}

    here = {"storage", controller.name}
    wait_until(lambda: up() == here, timeout_s=180, interval_s=2, what="both services")
    before = files(storage, "backup")
    for name in ("first", "second"):
        virtual.order_volumes(controller, {"act": "backup", "volume": "far", "backup": name})
        restore = {"act": "restore", "volume": name, "backup": name, "type": "file"}
        made = virtual.order_volumes(controller, restore)
        assert made[name] in files(storage, "volumes")
    assert files(storage, "backup") != before
    assert files(controller, "backup") == ""
    for name in ("first", "second"):
        for kind in ("backup", "volume"):
            virtual.order_volumes(controller, {"act": "delete", "kind": kind, "name": name})
    assert files(storage, "backup") == before
    apt(controller, "purge", "cinder-backup")


def test_a_machine_with_volumes_reaches_cinders_database_alone_and_by_tls(
    cloud: Cloud, storage: Node
) -> None:
    controller = cloud.controller
    assert several.database_hosts(controller, "cinder") == ["%"]
    for other in ("glance", "keystone", "neutron", "nova", "placement"):
        assert several.database_hosts(controller, other) == ["localhost"]
    assert listens_at(controller, MARIADB) == {"127.0.0.1", controller.address}
    seen = inside(storage, "mariadb_account", "cinder")
    assert seen["user"] == "cinder@%"
    assert seen["cipher"], "the connection is encrypted"
    assert set(seen["databases"]) == {"information_schema", "cinder"}
    held = answered(storage.read_file("/etc/debstack/secrets.preseed"))
    assert set(held) == {
        "cinder/database-password",
        "cinder/messaging-password",
        "cinder/service-password",
    }
    debstack(storage, "secrets", "set", "cinder/database-password", input="another\n")
    told = debstack(storage, "apply", "--wait", "1", check=False)
    assert told.code == 3
    at = f"MariaDB at {controller.address} as cinder (1045)"
    assert f"database cinder: cannot log in to {at}" in told.stdout
    assert "debstack export --role ROLE" in told.stdout
    several.hand_over(controller, storage, "storage")
    debstack(storage, "apply")
    assert status(storage)["in-order"]


def test_what_was_opened_to_a_machine_with_volumes_is_closed_again(
    cloud: Cloud, storage: Node
) -> None:
    controller = cloud.controller
    debstack(controller, "answers", "set", "openstack/databases-shared", "")
    debstack(controller, "apply")
    assert several.database_hosts(controller, "cinder") == ["localhost"]
    assert listens_at(controller, MARIADB) == {"127.0.0.1"}
    assert "nothing to do" in debstack(controller, "plan").stdout
    told = debstack(storage, "apply", "--wait", "1", check=False)
    assert told.code == 3
    assert f"MariaDB at {controller.address}:{MARIADB}: cannot be reached" in told.stdout
    several.hand_over(controller, storage, "storage")
    debstack(storage, "apply")
    await_volumes(controller, "up")
    virtual.order_volumes(controller, {"act": "delete", "kind": "volume", "name": "far"})
    assert status(controller)["in-order"]
