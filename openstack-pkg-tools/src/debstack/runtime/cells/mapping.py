# SPDX-License-Identifier: Apache-2.0
"""What Nova's API database knows of cells, what it should, and whether a cell answers."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.secret import Secret
from debstack.runtime import rabbitmq
from debstack.runtime.cells.noted import Cell
from debstack.runtime.context import Context
from debstack.runtime.database.driver import MARKER, Session, driver_for
from debstack.runtime.database.url import service_url
from debstack.runtime.manifests import password_name
from debstack.runtime.rabbitmq import Standing
from debstack.runtime.resolve import RABBITMQ_PORT, RABBITMQS_PORT, messaging_account
from debstack.runtime.site import (
    NO_SECRET,
    SYSTEM_AUTHORITIES,
    Broker,
    DatabaseAccount,
    DatabaseServer,
    Engine,
    MessagingAccount,
    Site,
    TlsMode,
)
from debstack.runtime.urls import bracketed
from debstack.spec.vocabulary import Cells, Manifest

_REVISIONS = "alembic_version"


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What is kept of a cell: its name, and the URLs of its broker and its database."""

    name: str
    transport_url: Secret
    database_connection: Secret

    @property
    def digest(self) -> str:
        """Tell one from another, and nothing else."""
        text = "\n".join((self.name, self.transport_url, self.database_connection))
        return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the cells of this cloud are mapped, and what their accounts are called."""

    source: str
    prefix: str
    declared: Cells
    account: DatabaseAccount
    #: Full names of the passwords of a cell.
    database_password: str
    messaging_password: str
    #: Whether connections between machines are by TLS.
    secured: bool
    site: Site
    root: Path

    def open(self) -> AbstractContextManager[Session]:
        """Connect to the database with the mappings. Raises DatabaseError."""
        return driver_for(self.site.database, self.root).open(self.account)

    @property
    def file(self) -> Path:
        """The drop-in that tells which cells there are."""
        return self.root / self.declared.file.lstrip("/")


def _messaging_password(context: Context, source: str, declared: Cells) -> str:
    return next(
        password_name(manifest, "messaging", declared.messaging)
        for manifest in context.manifests
        if manifest.source == source and declared.messaging in manifest.package.messaging
    )


def _place(context: Context, manifest: Manifest, declared: Cells) -> Place:
    return Place(
        source=manifest.source,
        prefix=manifest.question_prefix,
        declared=declared,
        account=context.site.accounts[manifest.source, declared.database],
        database_password=password_name(manifest, "database", declared.database),
        messaging_password=_messaging_password(context, manifest.source, declared),
        secured=context.site.tls.mode is not TlsMode.OFF,
        site=context.site,
        root=context.root,
    )


def place_of(context: Context) -> Place | None:
    """Return where cells are mapped; None where no package of this machine does that."""
    for manifest in context.manifests:
        if manifest.package.cells is not None:
            return _place(context, manifest, manifest.package.cells)
    return None


def identifier(name: str) -> str:
    """Return the UUID of the cell `name`: always the same one."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, f"{name}.cell.debstack.internal"))


def broker_of(place: Place, address: str) -> Broker:
    """Return the broker of a cell at `address`, as other machines have it."""
    port = RABBITMQS_PORT if place.secured else RABBITMQ_PORT
    hosts = (f"{bracketed(address)}:{port}",)
    ca = SYSTEM_AUTHORITIES if place.secured else ""
    return Broker(hosts=hosts, ca=ca, hosts_outside=hosts, ca_outside=ca)


def _server(place: Place, address: str) -> DatabaseServer:
    ca = SYSTEM_AUTHORITIES if place.secured else ""
    return DatabaseServer(engine=Engine.MARIADB, host=address, ca=ca)


def _messaging(place: Place, cell: Cell, address: str) -> MessagingAccount:
    password = cell.passwords.get(place.messaging_password, NO_SECRET)
    broker = broker_of(place, address)
    return messaging_account(place.source, place.declared.messaging, "", password, broker)


def _database(place: Place, cell: Cell, address: str) -> DatabaseAccount:
    key, user = place.declared.cell_database, place.account.user
    password = cell.passwords.get(place.database_password, NO_SECRET)
    server = _server(place, address)
    return DatabaseAccount(
        key=key,
        source=place.source,
        binary="",
        database=key,
        user=user,
        password=password,
        url=service_url(server, database=key, user=user, password=password),
        system_user="",
        remote=True,
    )


def wanted(place: Place, cell: Cell, address: str) -> Row:
    """Return what is to be kept of `cell` with its machine at `address`. Pure."""
    return Row(
        name=cell.name,
        transport_url=_messaging(place, cell, address).url,
        database_connection=_database(place, cell, address).url,
    )


def mapped(session: Session) -> dict[str, Row]:
    """Return what is kept of each cell, by UUID."""
    found = session.rows("SELECT uuid, name, transport_url, database_connection FROM cell_mappings")
    return {
        str(row[0]): Row(
            name=str(row[1] or ""),
            transport_url=Secret(str(row[2])),
            database_connection=Secret(str(row[3])),
        )
        for row in found
    }


def address_of(place: Place, cell: Cell, rows: Mapping[str, Row]) -> str:
    """Return the address that `cell` is mapped at; empty where it is not, or otherwise. Pure."""
    row = rows.get(identifier(cell.name))
    return next((a for a in cell.addresses if wanted(place, cell, a) == row), "")


def hosts(session: Session) -> dict[str, str]:
    """Return each host that is mapped to the name of its cell."""
    found = session.rows(
        "SELECT h.host, c.name FROM host_mappings h JOIN cell_mappings c ON h.cell_id = c.id"
    )
    return {str(host): str(name) for host, name in found}


def trouble(place: Place, cell: Cell, address: str) -> str:
    """Return why `cell` cannot be mapped at `address` now; empty if it can."""
    account = _messaging(place, cell, address)
    driver = driver_for(_server(place, address), place.root)
    try:
        with driver.open(_database(place, cell, address)) as session:
            tables = session.tables()
        found = rabbitmq.standing(account, account.broker)
    except DebstackError as error:
        return error.message
    if MARKER in tables or _REVISIONS not in tables:
        return f"its database {place.declared.cell_database} is not complete yet"
    if found is not Standing.FINE:
        return f"RabbitMQ at {account.broker.hosts[0]}: {account.user}: {found.value}"
    return ""


def answering(place: Place, cell: Cell) -> tuple[str, str]:
    """Return the address at which `cell` answers; else an empty one, and why none does."""
    if not cell.addresses:
        return "", "its machine has not come yet"
    told = []
    for address in cell.addresses:
        why = trouble(place, cell, address)
        if not why:
            return address, ""
        told.append(why)
    return "", "; ".join(told)


def map_cell(place: Place, cell: Cell, address: str) -> None:
    """Add the mapping of `cell`, or change the one that is there."""
    row = wanted(place, cell, address)
    key = identifier(cell.name)
    values = [row.name, str(row.transport_url), str(row.database_connection)]
    with place.open() as session:
        if key in mapped(session):
            session.rows(
                "UPDATE cell_mappings SET name = %s, transport_url = %s, database_connection = %s"
                " WHERE uuid = %s",
                [*values, key],
            )
        else:
            session.rows(
                "INSERT INTO cell_mappings (uuid, name, transport_url, database_connection,"
                " disabled) VALUES (%s, %s, %s, %s, %s)",
                [key, *values, False],
            )


def left_in(session: Session, name: str) -> tuple[int, int]:
    """Return how many hosts and living servers are mapped into the cell `name`."""
    key = identifier(name)
    ((count,),) = session.rows(
        "SELECT COUNT(*) FROM host_mappings h JOIN cell_mappings c ON h.cell_id = c.id"
        " WHERE c.uuid = %s",
        [key],
    )
    ((servers,),) = session.rows(
        "SELECT COUNT(*) FROM instance_mappings i JOIN cell_mappings c ON i.cell_id = c.id"
        " WHERE c.uuid = %s AND (i.queued_for_delete IS NULL OR i.queued_for_delete = %s)",
        [key, False],
    )
    return int(count), int(servers)


def unmap_cell(place: Place, name: str) -> None:
    """Delete the mapping of the cell `name`, and those of the deleted servers that were in it."""
    key = identifier(name)
    with place.open() as session:
        session.rows(
            "DELETE FROM instance_mappings WHERE cell_id IN"
            " (SELECT id FROM cell_mappings WHERE uuid = %s)",
            [key],
        )
        session.rows("DELETE FROM cell_mappings WHERE uuid = %s", [key])
