# SPDX-License-Identifier: Apache-2.0
"""A second cell of Nova: its machine and its compute node join by preseed files and apt-get."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from cloudtest import leftovers, several
from cloudtest.acting import act, apt, debstack, openstack, openstack_json, status
from testbed.bed import Testbed
from testbed.machine import wait_until
from testbed.node import Node

pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

CELL = "two"
_TIMEOUT_S = 1800.0
_SERVER = "in-two"
_FILE = "/etc/nova/nova.conf.d/60-debstack-cells.conf"
_WATCH = "debstack-cells.path"
_PASSWORDS = f"/etc/debstack/cells/{CELL}.preseed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cells:
    """The controller, and the machine that has the second cell and is its compute node, too."""

    controller: Node
    box: Node
    #: The preseed files by which it became both.
    for_cell: str
    for_compute: str


def nova_manage(node: Node, *command: str) -> str:
    """Run nova-manage as Nova's user."""
    argv = ["runuser", "-u", "nova", "--", "nova-manage", "cell_v2", *command]
    return node.run(argv, timeout_s=60).stdout


def sql(node: Node, statement: str) -> list[str]:
    """Return the lines that a database of `node` answers."""
    return act(node, "mariadb", "-N", "-e", statement).stdout.splitlines()


def _watched(node: Node) -> bool:
    """Tell whether `node` waits for the machine of a cell."""
    return node.run(["systemctl", "is-active", "--quiet", _WATCH], check=False).code == 0


@pytest.fixture(scope="module")
def cells(repository: Path) -> Iterator[Cells]:
    """Both machines, the second one installed by what the first one exports, and nothing else."""
    with Testbed("cells") as bed:
        names = ("controller", "box")
        controller, box = (several.make_machine(bed, name, repository).boot() for name in names)
        apt(controller, "install", "openstack-controller", timeout_s=_TIMEOUT_S)
        assert not _watched(controller), "nobody waits for a cell"
        for_cell = several.exported(controller, "cell", "--cell", CELL)
        refused = debstack(controller, "export", "--role", "compute", "--cell", CELL, check=False)
        assert refused.code == 3
        assert "two is not mapped yet: its machine has not come yet" in refused.stdout
        act(box, "debconf-set-selections", input=for_cell)
        apt(box, "install", "openstack-cell", timeout_s=_TIMEOUT_S)
        wait_until(
            lambda: f" {CELL} " in nova_manage(controller, "list_cells"),
            timeout_s=120,
            interval_s=2,
            what="the cell to be mapped",
        )
        debstack(controller, "apply")  # after that of debstack-cells.service
        for_compute = several.exported(controller, "compute", "--cell", CELL)
        act(box, "debconf-set-selections", input=for_compute)
        apt(box, "install", "openstack-compute", timeout_s=_TIMEOUT_S)
        several.await_hypervisors(controller, ["box"])
        yield Cells(controller=controller, box=box, for_cell=for_cell, for_compute=for_compute)


@pytest.fixture(scope="module")
def server(cells: Cells) -> dict[str, Any]:
    """A server that the scheduler had but one place for."""
    one = cells.controller
    act(one, "truncate", "-s", "1M", "/root/disk")
    openstack(one, "image", "create", "--file", "/root/disk", "nothing")
    openstack(one, "network", "create", "inner")
    subnet = ("subnet", "create", "--network", "inner", "--subnet-range", "10.1.0.0/24", "inner")
    openstack(one, *subnet)
    openstack(one, "flavor", "create", "--ram", "64", "--disk", "1", "--vcpus", "1", "small")
    create = ("server", "create", "--image", "nothing", "--flavor", "small", "--network", "inner")
    made: dict[str, Any] = openstack_json(one, *create, "--wait", _SERVER, timeout_s=600)
    return made


def test_the_cell_is_mapped_and_its_host_is_in_it(cells: Cells) -> None:
    listed = nova_manage(cells.controller, "list_cells", "--verbose")
    (line,) = (line for line in listed.splitlines() if f" {CELL} " in line)
    assert f"@{cells.box.address}:5671/nova?ssl=true" in line
    assert f"@{cells.box.address}:3306/nova_cell?" in line
    table = nova_manage(cells.controller, "list_hosts").splitlines()
    rows = [[word.strip() for word in line.split("|")[1:-1]] for line in table if "|" in line]
    assert [(name, host) for name, _uuid, host in rows[1:]] == [(CELL, "box")]
    assert several.machines(cells.controller)["box"]["cell"] == CELL
    assert "box: up; cell, compute; cell two; " in debstack(cells.controller, "nodes").stdout


def test_a_server_is_in_the_database_of_its_cell_and_in_no_other(
    cells: Cells, server: dict[str, Any]
) -> None:
    assert (server["status"], server["OS-EXT-SRV-ATTR:host"]) == ("ACTIVE", "box")
    count = f"SELECT COUNT(*) FROM {{}}.instances WHERE uuid = '{server['id']}'"
    assert sql(cells.box, count.format("nova_cell")) == ["1"]
    for database in ("nova", "nova_cell0"):
        assert sql(cells.controller, count.format(database)) == ["0"]


def test_messages_of_the_cell_go_through_its_broker(cells: Cells) -> None:
    listing = ("rabbitmqctl", "--quiet", "list_queues", "-p", "nova", "name", "consumers")

    def queues(node: Node) -> set[str]:
        lines = (line.split("\t") for line in act(node, *listing).stdout.splitlines())
        return {line[0] for line in lines if line[-1] not in ("0", "consumers")}

    assert "compute.box" in queues(cells.box)
    assert {"conductor.box", "conductor"} <= queues(cells.box)
    assert not {name for name in queues(cells.controller) if "box" in name}
    assert "conductor.controller" in queues(cells.controller)
    # The controller takes part in it, by TLS.
    showing = ("rabbitmqctl", "--quiet", "list_connections", "user", "peer_host", "ssl")
    told = act(cells.box, *showing).stdout.splitlines()
    connections = {tuple(line.split("\t")) for line in told}
    assert ("nova", cells.controller.address, "true") in connections


def test_consoles_are_those_of_the_cell(cells: Cells, server: dict[str, Any]) -> None:
    show = ("console", "url", "show", "--novnc", server["id"])
    url = openstack_json(cells.controller, *show)["url"]
    assert url.startswith(f"https://{cells.box.address}:6080/vnc_lite.html?")
    fetch = f"import urllib.request as r; print(r.urlopen({url!r}, timeout=20).status)"
    assert act(cells.controller, "python3", "-c", fetch).stdout.strip() == "200"
    # The token is in the cell, whose proxies look there.
    tokens = "SELECT COUNT(*) FROM nova_cell.console_auth_tokens"
    assert sql(cells.box, tokens) == ["1"]


def test_the_servers_of_the_cell_take_others_by_tls_alone(cells: Cells) -> None:
    login = (
        "import pymysql, sys; pymysql.connect(host=sys.argv[1], user='nova',"
        " password=sys.stdin.read(), ssl_disabled=True)"
    )
    password = next(
        line.split(maxsplit=3)[3]
        for line in cells.for_cell.splitlines()
        if "nova/database-password " in line
    )
    argv = ("python3", "-c", login, cells.box.address)
    refused = act(cells.controller, *argv, input=password, check=False)
    assert refused.code != 0
    assert "require_secure_transport" in refused.stdout or "SSL" in refused.stdout, refused.stdout


def test_each_machine_has_what_it_needs_and_no_more(cells: Cells) -> None:
    assert "/database-password" not in cells.for_compute
    assert "admin-password" not in cells.for_cell
    asked = {line.split()[1] for line in cells.for_cell.splitlines() if " password " in line}
    assert asked == {
        "nova/database-password",
        "nova/messaging-password",
        "nova/service-password",
        "openstack/join-secret",
        "openstack/metadata-secret",
    }
    declared = act(cells.box, "ls", "/usr/share/debstack/components").stdout.split()
    assert "nova-cell.json" in declared
    assert not {"nova-api.json", "nova-database.json", "keystone.json"} & {*declared}
    mode = act(cells.controller, "stat", "-c", "%a %U", _PASSWORDS).stdout.split()
    assert mode == ["600", "root"]
    assert [_watched(node) for node in (cells.controller, cells.box)] == [True, False]


def test_a_second_apply_changes_nothing(cells: Cells) -> None:
    for node in (cells.controller, cells.box):
        assert "nothing to do" in debstack(node, "apply").stdout, node.name
        assert status(node)["in-order"], node.name
    # Exported again, the passwords are the same; a cell that is mapped needs nothing of it.
    again = several.exported(cells.controller, "cell", "--cell", CELL)
    for name in ("nova/database-password", "nova/messaging-password"):
        (line,) = (line for line in cells.for_cell.splitlines() if f" {name} " in line)
        assert line in again
    assert "nothing to do" in debstack(cells.controller, "apply").stdout


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            ("--role", "compute", "--cell", "tow"),
            "no cell of this cloud is called tow (did you mean",
        ),
        (("--role", "cell", "--cell", "cell0"), "cell0 is on the controller itself"),
        (("--role", "cell", "--cell", "cell1"), "cell1 is on the controller itself"),
        (("--role", "cell", "--cell", "a b"), "expected the name of a cell"),
        (("--role", "cell"), "expected the name of a cell"),
        (("--role", "proxy", "--cell", CELL), "--cell: only with --role cell or --role compute"),
        (("--role", "compute", "--cell", CELL, "--node", "c"), "--node: not with --cell"),
        (("--role", "cell", "--cell", CELL, "--host", "box"), "expected the management address"),
    ],
)
def test_what_cannot_be_is_refused(cells: Cells, arguments: tuple[str, ...], said: str) -> None:
    refused = debstack(cells.controller, "export", *arguments, check=False)
    assert (refused.code, said in refused.stdout) == (3, True), refused.stdout


def test_a_name_that_somebody_else_has_taken_is_refused(cells: Cells) -> None:
    columns = "(uuid, name, transport_url, database_connection, disabled)"
    row = "('11111111-1111-1111-1111-111111111111', 'three', 'none:///', 'none:///', 1)"
    sql(cells.controller, f"INSERT INTO nova_api.cell_mappings {columns} VALUES {row}")
    export = ("export", "--role", "cell", "--cell", "three")
    refused = debstack(cells.controller, *export, check=False)
    sql(cells.controller, "DELETE FROM nova_api.cell_mappings WHERE name = 'three'")
    assert refused.code == 3
    assert "three is the name of a cell that debstack has not made" in refused.stdout


def test_the_cell_goes_when_it_is_empty_and_leaves_nothing(
    cells: Cells, server: dict[str, Any]
) -> None:
    one, box = cells.controller, cells.box
    refused = debstack(one, "forget", "--cell", CELL, check=False)
    assert (refused.code, "two has 1 servers" in refused.stdout) == (3, True), refused.stdout
    openstack(one, "server", "delete", "--wait", server["id"])
    living = "SELECT COUNT(*) FROM nova_api.instance_mappings WHERE NOT queued_for_delete"
    assert sql(one, living) == ["0"]
    refused = debstack(one, "forget", "--cell", CELL, check=False)
    assert (refused.code, "two has 1 compute nodes" in refused.stdout) == (3, True)
    leftovers.want_all_deleted(box)
    apt(box, "purge", "--autoremove", "openstack-compute", timeout_s=600)
    assert CELL in nova_manage(one, "list_cells")
    debstack(one, "forget", "--cell", CELL)
    assert f" {CELL} " not in nova_manage(one, "list_cells")
    assert act(one, "ls", _FILE, _PASSWORDS, check=False).code != 0
    assert "nothing to do" in debstack(one, "apply").stdout
    assert status(one)["in-order"]
    leftovers.want_all_deleted(box)
    apt(box, "purge", "openstack-cell", "nova-*", "debstack", timeout_s=600)
    assert sql(box, "SHOW DATABASES LIKE 'nova%'") == []
    assert "nova" not in act(box, "rabbitmqctl", "--quiet", "list_vhosts").stdout.split()
    kept = ("/etc/debstack", "/var/lib/debstack", "/etc/mysql/debstack.key", "/etc/nova")
    for path in kept:
        assert act(box, "ls", "-d", path, check=False).code != 0, path
