# SPDX-License-Identifier: Apache-2.0
"""Further cells of Nova: what is noted, what is mapped, and what their machines are told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from unit.runtime.making import FACTS, all_manifests, applied, inputs, manifests_of

from debstack.base.errors import DebstackError
from debstack.base.secret import Secret
from debstack.runtime import export
from debstack.runtime.cells import mapping, noted, places
from debstack.runtime.cells.command import check_empty
from debstack.runtime.cells.mapping import Place, Row
from debstack.runtime.cells.noted import Cell
from debstack.runtime.context import Context
from debstack.runtime.export_cell import (
    check_host,
    check_options,
    handed_in_cell,
    handed_to_cell,
)
from debstack.runtime.resolve import resolve
from debstack.runtime.steps import cells as step
from debstack.runtime.steps.cells import CellsStep
from debstack.runtime.tls import asking, issuing, request, signing
from debstack.runtime.tls.places import AUTHORITY, AUTHORITY_KEY
from debstack.spec.vocabulary import Manifest

DATABASE, MESSAGING = "nova/database-password", "nova/messaging-password"
PASSWORDS = {DATABASE: Secret("d@b"), MESSAGING: Secret("m/q")}
NOW = datetime.now(UTC)


def packages(*binaries: str) -> tuple[Manifest, ...]:
    return tuple(
        manifest
        for source in ("debstack", "nova", "neutron")
        for manifest in manifests_of(source)
        if manifest.binary in binaries
    )


CONTROLLER = tuple(
    manifest
    for manifest in (*all_manifests(), *manifests_of("nova"))
    if manifest.binary not in ("nova-cell", "nova-compute")
)
OF_CELL = packages("debstack", "nova-common", "nova-cell", "nova-conductor", "nova-consoleproxy")


def place(root: Path, answers: dict[str, str] | None = None) -> Place:
    site = resolve(inputs(CONTROLLER, answers))
    found = mapping.place_of(Context(site=site, manifests=CONTROLLER, root=root))
    assert found is not None
    return found


def two(*addresses: str) -> Cell:
    return Cell(name="two", passwords=PASSWORDS, addresses=addresses)


# ---- what is noted


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "expected the name of a cell"),
        ("a b", "expected the name of a cell"),
        ("../etc", "expected the name of a cell"),
        ("two\x1b[2J", "expected the name of a cell"),
        ("x" * 64, "expected the name of a cell"),
        ("cell0", "cell0 is on the controller itself"),
        ("cell1", "cell1 is on the controller itself"),
    ],
)
def test_a_cell_that_cannot_be_is_refused(name: str, said: str) -> None:
    with pytest.raises(DebstackError, match=said) as caught:
        noted.checked_name(name)
    assert "\x1b" not in caught.value.message


def note(root: Path, name: str, *lines: str) -> None:
    path = places.path_of(root, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(f"{line}\n" for line in lines))


def test_a_cell_is_known_by_its_file(tmp_path: Path) -> None:
    note(
        tmp_path,
        "two",
        "nova-cell nova/database-password password a",
        "debstack openstack/management-address string 10.0.0.7",
    )
    (cell,) = noted.held(tmp_path)
    assert (cell.name, cell.passwords) == ("two", {DATABASE: "a"})
    assert (cell.addresses, cell.node) == (("10.0.0.7",), "")
    assert "'a'" not in repr(cell)
    with pytest.raises(DebstackError, match=r'no cell .* called tow \(did you mean "two"\?\)'):
        noted.chosen(tmp_path, "tow")


def test_where_a_cell_is_shows_when_its_machine_gets_a_certificate(tmp_path: Path) -> None:
    authority = issuing.new_authority("one", NOW)
    for path, text in ((AUTHORITY_KEY, authority.key), (AUTHORITY, authority.certificate)):
        (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path[1:]).write_text(text)
    note(tmp_path, "two", "nova-cell nova/database-password password a")
    assert noted.held(tmp_path)[0].addresses == ()
    secret = signing.invite(tmp_path, NOW, cell="two", valid=timedelta(hours=1))
    names = ["10.0.0.7", "box", "fd00::7"]
    asked = request.made(issuing.new_key(), "box", names, secret=secret, former=None)
    signing.sign(tmp_path, asked.encode(), NOW)
    (cell,) = noted.held(tmp_path)
    assert (cell.node, cell.addresses) == ("box", ("10.0.0.7", "fd00::7"))


# ---- what is mapped


class Tables:
    """An API database with the mappings of cells alone."""

    def __init__(self) -> None:
        self.rows_by_uuid: dict[str, list[str]] = {"0": ["cell0", "none:///", "{scheme}"]}
        self.left = (0, 0)

    def rows(self, statement: str, values: Sequence[object] = ()) -> list[tuple[object, ...]]:
        verb = statement.split()[0]
        if verb == "INSERT":
            key, *row = (str(value) for value in values[:4])
            self.rows_by_uuid[key] = row
        elif verb == "UPDATE":
            *row, key = (str(value) for value in values)
            self.rows_by_uuid[key] = row
        elif "DELETE FROM cell_mappings" in statement:
            del self.rows_by_uuid[str(values[0])]
        elif verb == "SELECT":
            return [(key, *row) for key, row in self.rows_by_uuid.items()]
        return []


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> Tables:
    made = Tables()

    @contextmanager
    def opened(_place: Place) -> Iterator[Tables]:
        yield made

    monkeypatch.setattr(Place, "open", opened)
    return made


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "etc/nova/nova.conf.d").mkdir(parents=True)
    monkeypatch.setattr("debstack.runtime.files._ids", lambda _: (0, 0))
    return tmp_path


def answers(monkeypatch: pytest.MonkeyPatch, *reached: str) -> list[str]:
    """Let cells answer at the addresses `reached`; return those that are asked from now on."""
    asked: list[str] = []

    def trouble(_place: Place, _cell: Cell, address: str) -> str:
        asked.append(address)
        return "" if address in reached else f"{address}: nobody there"

    monkeypatch.setattr(mapping, "trouble", trouble)
    return asked


def test_a_cell_is_mapped_by_urls_with_its_own_passwords(tmp_path: Path) -> None:
    row = mapping.wanted(place(tmp_path), two(), "fd00::7")
    authorities = "/etc/ssl/certs/ca-certificates.crt"
    assert row.transport_url == (
        f"rabbit://nova:m%2Fq@[fd00::7]:5671/nova?ssl=true&ssl_ca_file={authorities}"
        "&ssl_enforce_hostname_verification=true"
    )
    assert row.database_connection.startswith(
        "mysql+pymysql://nova:d%40b@[fd00::7]:3306/nova_cell?"
    )
    assert f"ssl_ca={authorities}" in row.database_connection
    plain = mapping.wanted(place(tmp_path, {"openstack/tls": "off"}), two(), "10.0.0.7")
    assert plain.transport_url == "rabbit://nova:m%2Fq@10.0.0.7:5672/nova"
    assert "ssl" not in plain.database_connection


def test_a_cell_is_mapped_where_it_answers_and_that_is_all(
    root: Path, tables: Tables, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = answers(monkeypatch, "10.0.0.7")
    here = place(root)
    mapped = CellsStep(here, [two("192.0.2.1", "10.0.0.7")])
    assert applied(mapped) == ["map cell two to 10.0.0.7", f"write {here.declared.file}"]
    assert asked == ["192.0.2.1", "10.0.0.7"]
    name, transport, database = tables.rows_by_uuid[mapping.identifier("two")]
    assert name == "two"
    assert "@10.0.0.7:" in transport
    assert "@10.0.0.7:" in database
    text = here.file.read_text()
    assert "# two: " in text
    assert "d@b" not in text
    # A second time nothing is done, and the cell is not even asked.
    asked.clear()
    assert mapped.changes() == []
    assert asked == []
    # Other passwords are other URLs, and daemons that have the old ones start anew.
    other = replace(two("10.0.0.7"), passwords={DATABASE: Secret("x"), MESSAGING: Secret("y")})
    assert applied(CellsStep(here, [other])) == [
        "map cell two to 10.0.0.7",
        f"write {here.declared.file}",
    ]
    assert here.file.read_text() != text
    assert list(tables.rows_by_uuid) == ["0", mapping.identifier("two")]
    # Forgotten, the daemons are told too.
    assert applied(CellsStep(here, [])) == [f"delete {here.declared.file}"]


@pytest.mark.parametrize("addresses", [(), ("10.0.0.7",)])
def test_a_cell_that_is_awaited_is_told_and_is_no_failure(
    addresses: tuple[str, ...],
    root: Path,
    tables: Tables,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    answers(monkeypatch)
    assert CellsStep(place(root), [two(*addresses)]).changes() == []
    why = "10.0.0.7: nobody there" if addresses else "its machine has not come yet"
    assert f"cell two: not mapped: {why}" in caplog.text
    assert list(tables.rows_by_uuid) == ["0"]


def test_daemons_wait_for_the_mapping_and_read_what_tells_of_it(root: Path) -> None:
    from debstack.runtime import freshness
    from debstack.runtime.steps.units import needs_of

    site = resolve(inputs(CONTROLLER))
    context = Context(site=site, manifests=CONTROLLER, root=root)
    manifest = next(m for m in CONTROLLER if m.binary == "nova-scheduler")
    unit = manifest.package.unit["nova-scheduler"]
    assert "cells:nova" in needs_of(context, manifest, unit, "nova-scheduler")
    here = place(root)
    here.file.write_text("")
    assert here.file in list(freshness.configuration(context, manifest, "nova-scheduler"))
    assert [found.id for found in step.build(context)] == ["cells:nova"]
    here.file.unlink()
    assert step.build(context) == []


def test_a_cell_in_use_is_not_forgotten() -> None:
    with pytest.raises(DebstackError, match="two has 3 servers"):
        check_empty("two", 1, 3)
    with pytest.raises(DebstackError, match="two has 1 compute nodes"):
        check_empty("two", 1, 0)
    check_empty("two", 0, 0)


def test_forgetting_deletes_the_mapping_of_that_cell_alone(tmp_path: Path, tables: Tables) -> None:
    mapping.map_cell(place(tmp_path), two(), "10.0.0.7")
    mapping.unmap_cell(place(tmp_path), "two")
    assert list(tables.rows_by_uuid) == ["0"]


def test_rows_tell_one_from_another_by_their_digest() -> None:
    row = Row(name="two", transport_url=Secret("a"), database_connection=Secret("b"))
    assert row.digest != replace(row, database_connection=Secret("c")).digest


# ---- what machines are told


def handed(root: Path, host: str = "") -> export.Handed:
    here = place(root)
    held = {name: Secret("first") for m in CONTROLLER for name in m.password.values()}
    held |= {"nova/service-password": Secret("s"), "openstack/metadata-secret": Secret("m")}
    return handed_to_cell(here, OF_CELL, two(), host=host, given={}, held=held)


def test_the_machine_of_a_cell_is_told_of_the_cloud_and_has_its_own_servers(
    tmp_path: Path,
) -> None:
    found = handed(tmp_path)
    assert found.answers["openstack/identity-url"] == "https://10.0.0.4:5000/v3"
    assert found.answers["openstack/messaging-host"] == "10.0.0.4:5671"
    assert found.answers["nova/messaging-host"] == "localhost"
    assert found.answers["openstack/join"] == "true"
    for other in ("openstack/public-host", "openstack/management-address"):
        assert other not in found.answers
    assert found.secrets == {
        **PASSWORDS,
        "nova/service-password": "s",
        "openstack/metadata-secret": "m",
    }
    assert found.missing == ()
    known = handed(tmp_path, "10.0.0.7").answers
    assert known["openstack/management-address"] == "10.0.0.7"


def cell_inputs(root: Path, **more: str) -> Context:
    told = handed(root)
    answers = {**told.answers, **more}
    facts = replace(FACTS, hostname="box", primary_address="10.0.0.7")
    secrets = {name: str(value) for name, value in told.secrets.items()}
    site = resolve(inputs(OF_CELL, answers, facts=facts, secrets=secrets))
    return Context(site=site, manifests=OF_CELL, root=root)


def test_the_machine_of_a_cell_has_its_own_broker_and_database(tmp_path: Path) -> None:
    from debstack.runtime.substitution import sections_of

    context = cell_inputs(tmp_path)
    site = context.site
    assert site.has_broker
    assert site.has_remote_databases
    assert not site.broker.local  # that of all other services
    common = next(m for m in OF_CELL if m.binary == "nova-common")
    sections = sections_of(site, common, common.package.config["nova"])
    (connection,) = sections["database"]["connection"]
    assert "/nova_cell?" in str(connection)
    assert "connection" not in sections["api_database"]
    (transport,) = sections["DEFAULT"]["transport_url"]
    assert str(transport).endswith("@127.0.0.1:5672/nova")
    # What its certificate is for leads to it, and nothing of the controller's is asked for.
    assert set(site.tls.names) == {"10.0.0.7"}


def test_it_is_the_cells_machine_still_when_it_becomes_a_compute_node_too(tmp_path: Path) -> None:
    both = {"nova/messaging-host": "10.0.0.7:5671", "openstack/public-host": "10.0.0.7"}
    site = cell_inputs(tmp_path, **both).site
    assert site.has_broker
    assert set(site.tls.names) == {"10.0.0.7"}


def test_without_the_file_it_says_how_to_join(tmp_path: Path) -> None:
    with pytest.raises(DebstackError, match="openstack/identity-url: needed by OpenStack Compute"):
        resolve(inputs(OF_CELL))


def test_a_cell_needs_mariadb_on_its_machine() -> None:
    answers = {"openstack/identity-url": "https://10.0.0.4:5000/v3"}
    facts = replace(FACTS, servers=frozenset({"rabbitmq"}))
    with pytest.raises(DebstackError, match="the controller uses nova_cell too, found sqlite"):
        resolve(inputs(OF_CELL, answers, facts=facts))


def test_compute_nodes_of_a_cell_use_its_broker_and_consoles_and_no_database(
    tmp_path: Path,
) -> None:
    from debstack.runtime.substitution import sections_of

    here = place(tmp_path)
    compute = packages("debstack", "nova-common", "nova-compute", "neutron-common")
    held = {name: Secret("first") for m in manifests_of("nova") for name in m.password.values()}
    plain = export.handed_on(here.site, compute, "compute", given={}, held=held)
    found = handed_in_cell(here, two(), "10.0.0.7", plain)
    assert found.answers["openstack/messaging-host"] == "10.0.0.4:5671"
    assert found.answers["nova/messaging-host"] == "10.0.0.7:5671"
    assert found.answers["openstack/public-host"] == "10.0.0.7"
    assert found.secrets[MESSAGING] == "m/q"
    assert DATABASE not in found.secrets
    secrets = {name: str(value) for name, value in found.secrets.items()}
    facts = replace(FACTS, hostname="c1", primary_address="10.0.0.8", servers=frozenset())
    answers = {**found.answers, "nova/virt-type": "qemu"}
    site = resolve(inputs(compute, answers, facts=facts, secrets=secrets))
    common, nova_compute = (m for m in compute if m.binary in ("nova-common", "nova-compute"))
    sections = sections_of(site, common, common.package.config["nova"])
    (transport,) = sections["DEFAULT"]["transport_url"]
    assert "@10.0.0.7:5671/nova?ssl=true" in str(transport)
    assert "connection" not in sections["database"]
    assert sections["vnc"]["novncproxy_base_url"] == ["https://10.0.0.7:6080/vnc_lite.html"]
    assert "@10.0.0.4:5671/neutron?" in str(site.messaging["neutron"].url)
    named = {**answers, "openstack/messaging-node": "c1"}
    accounts = resolve(inputs(compute, named, facts=facts, secrets=secrets)).messaging
    assert (accounts["nova"].user, accounts["neutron"].user) == ("nova", "neutron@c1")
    own = sections_of(site, nova_compute, nova_compute.package.config["nova-compute"])
    assert own["workarounds"]["disable_group_policy_check_upcall"] == [True]


@pytest.mark.parametrize(
    ("role", "options", "said"),
    [
        ("proxy", {"cell": "two"}, "--cell: only with --role cell or --role compute"),
        ("", {"cell": "two"}, "--cell: only with"),
        ("compute", {"host": "10.0.0.7"}, "--host: only with --role cell"),
        ("cell", {"cell": "two", "region": "Two"}, "--region: not with --cell"),
    ],
)
def test_options_that_do_not_belong_together_are_refused(
    role: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises(DebstackError, match=said):
        check_options(role, **{"cell": "", "host": "", "region": "", **options})


def test_where_no_certificates_are_signed_the_address_is_needed(tmp_path: Path) -> None:
    here = place(tmp_path)
    check_host(here.site, "")
    with pytest.raises(DebstackError, match="--host: expected the management address"):
        check_host(here.site, "box")
    without = place(tmp_path, {"openstack/tls": "off"}).site
    check_host(without, "10.0.0.7")
    with pytest.raises(DebstackError, match="--host: needed"):
        check_host(without, "")


def test_the_file_names_the_packages_to_install(tmp_path: Path) -> None:
    text = export.text_of(handed(tmp_path), "cell", ())
    assert "apt-get install -y openstack-cell\n" in text
    assert "nova-cell nova/database-password password d@b\n" in text
    assert asking.host_of(handed(tmp_path).answers["openstack/identity-url"]) == "10.0.0.4"
