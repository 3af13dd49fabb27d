# SPDX-License-Identifier: Apache-2.0
"""debstack export: the preseed file by which another machine joins this cloud, in a role.

It holds what the packages of that role ask and use, and nothing else: a compute node gets no
access to a database, and no password but its own services'.
"""

from __future__ import annotations

import json
import os
import stat
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debstack.base.errors import DebstackError
from debstack.base.main import OK
from debstack.base.secret import Secret, generate_secret
from debstack.runtime import answers, apply, manifests
from debstack.runtime.answers_command import export_lines, store
from debstack.runtime.doing import tell
from debstack.runtime.files import WantedFile, make_folder, read_text, write
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import Machine, read_machine, require_root
from debstack.runtime.manifests import KnownQuestion
from debstack.runtime.nodes import passwords
from debstack.runtime.nodes.passwords import user_of
from debstack.runtime.preseed import Preseed
from debstack.runtime.site import Site
from debstack.runtime.substitution import verbatim
from debstack.spec.load import suggestion
from debstack.spec.vocabulary import ANY_ROLE, SCHEMA, Manifest

#: Where the package openstack-preseeds has the manifests of the whole series.
SERIES = "/usr/share/debstack/series"
_ROLES = "roles.json"
JOIN = "openstack/join"
MESSAGING_NODE = "openstack/messaging-node"
_ROOT = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What another machine is given: answers, and passwords that are there or have to be made."""

    known: Mapping[str, KnownQuestion]
    answers: Mapping[str, str]
    secrets: Mapping[str, Secret] = field(repr=False)
    #: Names of the passwords that nobody has given yet.
    missing: tuple[str, ...] = ()


def _read_roles(root: Path) -> dict[str, Any]:
    path = root / SERIES.lstrip("/") / _ROLES
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise DebstackError(
            f"{path}: does not exist, so that nothing is known of other roles",
            hint="run: apt-get install openstack-preseeds",
        ) from error
    found: dict[str, Any] = json.loads(text)
    if found.get("schema") != SCHEMA:
        raise DebstackError(
            f"{path}: schema: expected {SCHEMA}, found {found.get('schema')}",
            hint="upgrade debstack and openstack-preseeds together",
        )
    return found


def _manifests(root: Path, binaries: Sequence[str]) -> tuple[Manifest, ...]:
    folder = root / SERIES.lstrip("/")
    return tuple(manifests.read_manifest(folder / f"{binary}.json") for binary in binaries)


def role_manifests(root: Path, role: str) -> tuple[Manifest, ...]:
    """Return what the packages of `role` declare. Raises DebstackError."""
    roles: dict[str, list[str]] = _read_roles(root)["role"]
    if role not in roles:
        raise DebstackError(
            f'--role: expected one of {", ".join(sorted(roles))}, found "{role}"'
            f"{suggestion(role, list(roles))}"
        )
    return _manifests(root, roles[role])


def besides(root: Path, role: str, here: Sequence[Manifest]) -> dict[str, tuple[Manifest, ...]]:
    """Return the packages that a machine of `role` gets besides its metapackage.

    They are those that the metapackage suggests and of whose source something is `here`: a cloud
    that is metered has an agent on its compute nodes. Each comes with what it brings declared.
    Raises DebstackError.
    """
    sources = {manifest.source for manifest in here}
    suggested: dict[str, list[str]] = _read_roles(root).get("suggested", {}).get(role, {})
    found = {name: _manifests(root, binaries) for name, binaries in suggested.items()}
    return {
        name: brought
        for name, brought in found.items()
        if any(m.binary == name and m.source in sources for m in brought)
    }


def together(
    packages: Sequence[Manifest], more: Mapping[str, Sequence[Manifest]]
) -> tuple[Manifest, ...]:
    """Return `packages` and what `more` brings, each once."""
    everything = [*packages, *(manifest for brought in more.values() for manifest in brought)]
    return tuple({manifest.binary: manifest for manifest in everything}.values())


def _answer(
    site: Site, manifest: Manifest, given: Mapping[str, str], item: KnownQuestion, role: str
) -> str | None:
    table = item.question.export
    if role not in table and ANY_ROLE not in table:
        return None
    if role not in table and given.get(item.name):
        return given[item.name]
    return verbatim(site, manifest, table.get(role, table.get(ANY_ROLE, "")))


def used_passwords(packages: Sequence[Manifest]) -> frozenset[str]:
    """Return the full names of the passwords that `packages` use on the machine they are on."""
    accounts = {name for manifest in packages for name in manifest.password.values()}
    return manifests.used_secrets(packages) | accounts


def messaging_passwords(packages: Sequence[Manifest]) -> tuple[str, ...]:
    """Return the full names of the passwords with which `packages` log in to the broker."""
    found = {
        manifests.password_name(manifest, "messaging", name)
        for manifest in packages
        for name in manifest.package.messaging
    }
    return tuple(sorted(found))


def handed_on(
    site: Site,
    packages: Sequence[Manifest],
    role: str,
    *,
    given: Mapping[str, str],
    held: Mapping[str, Secret],
    node: str = "",
) -> Handed:
    """Return what a machine of `role`, with `packages`, has to be told by this one. Pure.

    `given` are the answers that were given here, `held` the passwords that are known here, those
    of the machine `node` if it is to have RabbitMQ users of its own.
    """
    known = manifests.known_questions(packages)
    owner = {manifest.binary: manifest for manifest in packages}
    found = {
        name: value
        for name, item in known.items()
        if not item.secret and (value := _answer(site, owner[item.binary], given, item, role))
    }
    if node and messaging_passwords(packages):
        found[MESSAGING_NODE] = node
    names = sorted(used_passwords(packages) & known.keys())
    return Handed(
        known=known,
        answers=found,
        secrets={name: held[name] for name in names if held.get(name)},
        missing=tuple(name for name in names if not held.get(name)),
    )


def _check_controller(site: Site) -> None:
    if site.identity is None or not site.identity.local:
        raise DebstackError(
            "this machine has no Keystone, so it is not the controller of a cloud",
            hint="run the same on the machine where openstack-controller is installed",
        )


def _let_join(machine: Machine, handed: Handed) -> bool:
    """Note what this machine itself has to know of a cloud with others; say whether it changed."""
    made = {name: generate_secret() for name in handed.missing}
    if made:
        store(Path(answers.SECRETS_FILE), answers.SECRETS_HEADER, handed.known, made, mode=0o600)
    open_already = machine.answers().get(JOIN) == "true"
    if not open_already:
        site_file = Path(answers.SITE_FILE)
        store(site_file, answers.SITE_HEADER, machine.known, {JOIN: "true"}, mode=0o644)
    return bool(made) or not open_already


def _check_broker(site: Site) -> None:
    if not site.messaging_local:
        raise DebstackError(
            "--node: the message broker is not on this machine, so that no users can be made there",
            hint="leave --node out: then the machine uses the users that all machines share",
        )


def _make_passwords(node: str, packages: Sequence[Manifest], *, renew: bool) -> None:
    """Note a password for each RabbitMQ user that `node` needs; new ones where they are asked for.

    Those of roles that it was given before stay.
    """
    there = passwords.held(_ROOT).get(node, {})
    names = messaging_passwords(packages)
    made = {name: generate_secret() for name in names if renew or name not in there}
    if made:
        make_folder(Path(passwords.FOLDER))
        known = manifests.known_questions(packages)
        store(Path(passwords.path_of(node)), passwords.HEADER, known, made, mode=0o600)


def _set_up_users(site: Site, node: str) -> None:
    """Make the RabbitMQ users of `node`, where they are not as they should be."""
    from debstack.runtime import rabbitmq

    hosts = site.messaging_hosts
    wrong = [
        account
        for account in site.messaging_of_nodes
        if account.user == user_of(account.name, node)
        and rabbitmq.standing(account, hosts, local=True) is not rabbitmq.Standing.FINE
    ]
    if wrong:
        tell(f"setting up RabbitMQ users {', '.join(account.user for account in wrong)}")
        rabbitmq.repair(wrong, hosts)


def _handed(
    machine: Machine, site: Site, packages: Sequence[Manifest], role: str, node: str = ""
) -> Handed:
    held = {**_stored(), **machine.secrets(), **machine.node_secrets.get(node, {})}
    given = machine.outcome.given
    return handed_on(site, packages, role, given=given, held=held, node=node)


def _stored() -> dict[str, Secret]:
    """Return the passwords of the file, those of packages that are not on this machine too."""
    values = Preseed.parse(read_text(Path(answers.SECRETS_FILE)) or "").values()
    return {name: Secret(value) for name, value in values.items()}


def _text(handed: Handed, role: str, more: Iterable[str]) -> str:
    values = {**handed.answers, **handed.secrets}
    node = handed.answers.get(MESSAGING_NODE)
    who = f"What the machine {node}" if node else "What a machine"
    names = " ".join([f"openstack-{role}", *more])
    head = (
        f"# {who} has to know to join this cloud as openstack-{role}; with passwords.\n"
        f"#     debconf-set-selections < FILE && apt-get install -y {names}\n"
    )
    return head + "\n".join(export_lines(handed.known, values)) + "\n"


def _deliver(text: str, output: str) -> None:
    if output:
        write(WantedFile(path=Path(output).absolute(), content=text, mode=0o600))
        return
    # Where the shell has made a file for it, that is for nobody else to read.
    if stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode):
        os.fchmod(sys.stdout.fileno(), 0o600)
    sys.stdout.write(text)


def _check_arguments(node: str | None, *, renew: bool) -> None:
    if node is not None:
        passwords.checked_node(node)
    elif renew:
        raise DebstackError(
            "--new-passwords: only for RabbitMQ users of one machine's own: --node is missing",
            hint="passwords that all machines share: debstack secrets rotate NAME",
        )


def export(role: str, *, output: str = "", node: str | None = None, renew: bool = False) -> int:
    """Print the preseed file for `role`, or write it to the file `output`; return the exit code.

    What this machine lacks for that is made and applied first: passwords that all nodes share,
    and a message broker that listens to them. With `node` that machine gets RabbitMQ users of its
    own, with new passwords if `renew` is set. Raises DebstackError.
    """
    require_root()
    _check_arguments(node, renew=renew)
    packages = role_manifests(_ROOT, role)
    with single_apply():
        machine = read_machine(_ROOT)
        more = besides(_ROOT, role, machine.manifests)
        packages = together(packages, more)
        site = machine.context().site
        _check_controller(site)
        if node:
            _check_broker(site)
            _make_passwords(node, packages, renew=renew)
            machine = read_machine(_ROOT)
        changed = _let_join(machine, _handed(machine, site, packages, role, node or ""))
    if changed:
        print("debstack: other machines may join: applying that here first", file=sys.stderr)
        code = apply.apply(quiet=True)
        if code != OK:
            return code
    if node or changed:
        machine = read_machine(_ROOT)
        site = machine.context().site
    if node:
        with single_apply():
            _set_up_users(site, node)
    _deliver(_text(_handed(machine, site, packages, role, node or ""), role, sorted(more)), output)
    return OK
