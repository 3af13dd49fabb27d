# SPDX-License-Identifier: Apache-2.0
"""debstack export with --cell: the preseed file of the machine of a cell, and of its compute nodes.

A cell has a database and a message broker of its own, which this machine uses too: their passwords
are made and noted here, before there is a cell.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.main import OK
from debstack.base.secret import Secret, generate_secret
from debstack.runtime import manifests, systemd
from debstack.runtime.answers_command import store
from debstack.runtime.cells import mapping, noted, places
from debstack.runtime.cells.command import mapped_address, place_here
from debstack.runtime.cells.mapping import Place
from debstack.runtime.cells.noted import Cell
from debstack.runtime.export import (
    JOIN,
    PUBLIC_HOST,
    Handed,
    apply_first,
    deliver,
    export,
    handed_on,
    invited,
    let_join,
    stored_passwords,
    text_of,
)
from debstack.runtime.files import WantedFile, make_folder, write
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import read_machine, require_root
from debstack.runtime.series import role_manifests
from debstack.runtime.site import Site, TlsMode
from debstack.runtime.urls import is_address
from debstack.spec.vocabulary import CELL_ROLE, Manifest

_ROOT = Path("/")
_HERE = "localhost"
_COMPUTE = "compute"
#: Looks whether the machine of a cell has come. Where no cell is noted it does not run.
_WATCH = "debstack-cells.path"


def broker_question(place: Place) -> str:
    """Return the full name of the question where the broker of Nova is."""
    return f"{place.prefix}/messaging-host"


def handed_to_cell(
    place: Place,
    packages: Sequence[Manifest],
    cell: Cell,
    *,
    host: str,
    given: Mapping[str, str],
    held: Mapping[str, Secret],
) -> Handed:
    """Return what the machine of `cell`, with `packages`, is told. Pure.

    `host` is its address, where that is known. It is the public host of its own consoles.
    """
    known = {**held, **cell.passwords}
    handed = handed_on(place.site, packages, CELL_ROLE, given=given, held=known)
    answers = {name: value for name, value in handed.answers.items() if name != PUBLIC_HOST}
    answers |= {JOIN: "true", broker_question(place): _HERE}
    if host:
        answers[noted.ADDRESS] = host
    return dataclasses.replace(handed, answers=answers)


def handed_in_cell(place: Place, cell: Cell, address: str, handed: Handed) -> Handed:
    """Return what a compute node is told that is to be in `cell`, at `address`. Pure.

    Its consoles are shown by the proxy of the cell, which knows their tokens.
    """
    (broker,) = mapping.broker_of(place, address).hosts
    told = {broker_question(place): broker, PUBLIC_HOST: address}
    password = {place.messaging_password: cell.passwords[place.messaging_password]}
    return dataclasses.replace(
        handed,
        answers={**handed.answers, **told},
        secrets={**handed.secrets, **password},
    )


def check_options(role: str, *, cell: str, host: str, region: str) -> None:
    """Refuse options that do not belong together. Raises DebstackError."""
    if cell and role not in (CELL_ROLE, _COMPUTE):
        raise DebstackError(
            f"--cell: only with --role {CELL_ROLE} or --role {_COMPUTE}",
            hint="machines of other roles are in no cell: leave --cell out",
        )
    if host and role != CELL_ROLE:
        raise DebstackError(f"--host: only with --role {CELL_ROLE}", hint="leave --host out")
    if region and cell:
        raise DebstackError(
            "--region: not with --cell: a cell is in the region of this machine",
            hint="leave --region out",
        )


def check_host(site: Site, host: str) -> None:
    """Refuse an address that is none, or none where it is needed. Raises DebstackError."""
    if host and not is_address(host):
        raise DebstackError(
            f"--host: expected the management address of the cell's machine, found {host!a:.80}"
        )
    signs = site.tls.mode is TlsMode.LOCAL_CA and not site.tls.authority
    if not host and not signs:
        raise DebstackError(
            "--host: needed, since this machine signs no certificates by which it would learn where"
            " the machine of the cell is",
            hint="give its management address: --host ADDRESS",
        )


def _check_free(place: Place, name: str) -> None:
    """Refuse the name of a cell that is mapped by somebody else. Raises DebstackError."""
    with place.open() as session:
        rows = mapping.mapped(session)
    taken = [key for key, row in rows.items() if row.name == name]
    if taken and taken != [mapping.identifier(name)]:
        raise DebstackError(
            f"--cell: {name} is the name of a cell that debstack has not made ({taken[0]})",
            hint="give the new one another name; see: nova-manage cell_v2 list_cells",
        )


def _note(place: Place, packages: Sequence[Manifest], name: str, host: str) -> Cell:
    """Note a password for each account of the cell, those that are there staying; return it.

    From then on it is waited for. Raises ConfigurationError if systemd does not.
    """
    before = {cell.name: cell for cell in noted.held(_ROOT)}.get(name)
    there = before.passwords if before else {}
    names = (place.database_password, place.messaging_password)
    values: dict[str, str] = {key: generate_secret() for key in names if key not in there}
    if host:
        values[noted.ADDRESS] = host
    if values:
        path = places.path_of(_ROOT, name)
        make_folder(path.parent)
        known = manifests.known_questions(packages)
        store(path, noted.HEADER, known, values, mode=0o600)
    if systemd.to_be_started(_WATCH):
        systemd.bring_up(_WATCH, "start")
    if host:
        # As if it had come for its certificate: that unit sees to it from there.
        came = places.came_path(_ROOT, name)
        make_folder(came.parent)
        write(WantedFile(path=came, content=before.node if before else ""))
    return noted.chosen(_ROOT, name)


def export_cell(name: str, *, host: str, output: str, node: str | None, valid: timedelta) -> int:
    """Print the preseed file for the machine of the cell `name`; return the exit code.

    `host` is its address: needed where this machine signs no certificates. With `output` it is
    written to that file. The secret to join with is `valid` for so long. Raises DebstackError.
    """
    require_root()
    if node is not None:
        raise DebstackError(
            f"--node: not with --role {CELL_ROLE}: it has a message broker of its own",
            hint="leave --node out",
        )
    noted.checked_name(name)
    packages = role_manifests(_ROOT, CELL_ROLE)
    with single_apply():
        machine = read_machine(_ROOT)
        place = place_here(machine)
        check_host(place.site, host)
        _check_free(place, name)
        cell = _note(place, packages, name, host)
        handed = handed_to_cell(
            place,
            packages,
            cell,
            host=host,
            given=machine.outcome.given,
            held={**stored_passwords(), **machine.secrets()},
        )
        changed = let_join(machine, handed)
    if changed and (code := apply_first()) != OK:
        return code
    secrets = {**handed.secrets, **invited(place.site, packages, CELL_ROLE, "", valid, cell=name)}
    deliver(text_of(dataclasses.replace(handed, secrets=secrets), CELL_ROLE, ()), output)
    return OK


def export_in_cell(
    role: str, name: str, *, output: str, node: str | None, renew: bool, valid: timedelta
) -> int:
    """Print the preseed file for a compute node in the cell `name`; return the exit code.

    Raises DebstackError.
    """
    require_root()
    if node is not None or renew:
        raise DebstackError(
            "--node: not with --cell: the broker of the cell is on another machine",
            hint="leave --node out: then the machine uses the users that the cell's machines share",
        )
    place = place_here(read_machine(_ROOT))
    address = mapped_address(place, name)
    adapt = partial(handed_in_cell, place, noted.chosen(_ROOT, name), address)
    return export(role, output=output, valid=valid, adapt=adapt)
