# SPDX-License-Identifier: Apache-2.0
"""debstack export: the preseed file by which another machine joins this cloud, in a role.

It holds what the packages of that role ask and use, and nothing else: a compute node gets no
access to a database, a machine with volumes to Cinder's alone, and none gets passwords but those of
its own services.
"""

from __future__ import annotations

import dataclasses
import os
import stat
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.main import OK
from debstack.base.secret import Secret, generate_secret
from debstack.runtime import answers, apply, manifests, shared_databases
from debstack.runtime.answers_command import export_lines, store
from debstack.runtime.ceph import answered as ceph
from debstack.runtime.doing import tell
from debstack.runtime.files import WantedFile, make_folder, read_text, write
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import Machine, read_machine, require_root
from debstack.runtime.manifests import KnownQuestion
from debstack.runtime.nodes import passwords
from debstack.runtime.nodes.known import awaited
from debstack.runtime.nodes.passwords import user_of
from debstack.runtime.preseed import Preseed
from debstack.runtime.series import CLIENTS, besides, role_manifests, together
from debstack.runtime.site import Site, TlsMode
from debstack.runtime.substitution import verbatim
from debstack.runtime.tls import signing
from debstack.spec.questions import SHARED_PREFIX, prefix_of
from debstack.spec.vocabulary import ANY_ROLE, REGION_ROLE, Manifest

JOIN = "openstack/join"
MESSAGING_NODE = "openstack/messaging-node"
PUBLIC_HOST = "openstack/public-host"
JOIN_SECRET = "openstack/join-secret"  # noqa: S105 - the name of the question
#: What a machine without a role is told: it has accounts and hosts of its own.
_FOR_ALL = frozenset(
    f"openstack/{key}" for key in ("region", "identity-url", "identity-ca", "tls", "authority")
)
#: The service that the controller of a further region has, too.
_COMPUTE = "compute"
#: The role of a machine that stands for the whole cloud.
_PUBLIC = "proxy"
_IDENTITY_URL = "openstack/identity-url"
_ROOT = Path("/")


@dataclass(frozen=True, slots=True, kw_only=True)
class Handed:
    """What another machine is given: answers, and passwords that are there or have to be made."""

    known: Mapping[str, KnownQuestion]
    answers: Mapping[str, str]
    secrets: Mapping[str, Secret] = field(repr=False)
    #: Names of the passwords that nobody has given yet.
    missing: tuple[str, ...] = ()
    #: Answers of this machine that it needs for that.
    here: Mapping[str, str] = field(default_factory=dict)


def _answer(
    site: Site, manifest: Manifest, given: Mapping[str, str], item: KnownQuestion, role: str
) -> str | None:
    if not role and item.name not in _FOR_ALL:
        return None
    table = item.question.export
    if role not in table and (ANY_ROLE not in table or role == REGION_ROLE):
        return None
    if role not in table and given.get(item.name):
        return given[item.name]
    return verbatim(site, manifest, table.get(role, table.get(ANY_ROLE, "")))


def used_passwords(packages: Sequence[Manifest]) -> frozenset[str]:
    """Return the full names of the passwords that `packages` use on the machine they are on."""
    accounts = {name for manifest in packages for name in manifest.password.values()}
    return manifests.used_secrets(packages) | accounts


def uses_ceph(site: Site, packages: Sequence[Manifest]) -> bool:
    """Say whether this cloud has a Ceph that a machine with `packages` logs in to."""
    return bool(site.answers.get(ceph.MONITORS)) and any(m.package.ceph for m in packages)


def besides_of_debian(site: Site, packages: Sequence[Manifest]) -> frozenset[str]:
    """Return the packages of Debian that `packages` need in this cloud, and do not depend on."""
    if not uses_ceph(site, packages):
        return frozenset()
    found = (m.package.ceph.packages for m in packages if m.package.ceph is not None)
    return frozenset(name for names in found for name in names)


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
    if node and manifests.messaging_passwords(packages):
        found[MESSAGING_NODE] = node
    databases = shared_databases.used(site, packages, role)
    found |= shared_databases.told_of(site, databases)
    used = used_passwords(packages)
    if uses_ceph(site, packages) and held.get(ceph.KEY):  # Ceph makes it, nobody else
        used |= {ceph.KEY}
    names = sorted(used & known.keys())
    return Handed(
        known=known,
        answers=found,
        secrets={name: held[name] for name in names if held.get(name)},
        missing=tuple(name for name in names if not held.get(name)),
        here=shared_databases.noted(site, databases),
    )


def _check_controller(site: Site) -> None:
    if site.identity is None or not (site.identity.local or _COMPUTE in site.endpoints):
        raise DebstackError(
            "this machine has neither Keystone nor Nova, so it is not the controller of a cloud",
            hint="run the same on the machine where openstack-controller is installed",
        )


def let_join(machine: Machine, handed: Handed) -> bool:
    """Note what this machine itself has to know of a cloud with others; say whether it changed."""
    made = {name: generate_secret() for name in handed.missing}
    if made:
        store(Path(answers.SECRETS_FILE), answers.SECRETS_HEADER, handed.known, made, mode=0o600)
    noted = dict(handed.here)
    if machine.answers().get(JOIN) != "true":
        noted[JOIN] = "true"
    if noted:
        site_file = Path(answers.SITE_FILE)
        store(site_file, answers.SITE_HEADER, machine.known, noted, mode=0o644)
    return bool(made or noted)


def apply_first() -> int:
    """Have this machine answer those that are to join; return the exit code of apply."""
    print("debstack: other machines may join: applying that here first", file=sys.stderr)
    return apply.apply(quiet=True)


def _check_broker(site: Site) -> None:
    if not site.broker.local:
        raise DebstackError(
            "--node: the message broker is not on this machine, so that no users can be made there",
            hint="leave --node out: then the machine uses the users that all machines share",
        )


def _make_passwords(node: str, packages: Sequence[Manifest], *, renew: bool) -> None:
    """Note a password for each RabbitMQ user that `node` needs; new ones where they are asked for.

    Those of roles that it was given before stay.
    """
    there = passwords.held(_ROOT).get(node, {})
    names = manifests.messaging_passwords(packages)
    made = {name: generate_secret() for name in names if renew or name not in there}
    if made:
        make_folder(Path(passwords.FOLDER))
        known = manifests.known_questions(packages)
        store(Path(passwords.path_of(node)), passwords.HEADER, known, made, mode=0o600)


def _set_up_users(site: Site, node: str) -> None:
    """Make the RabbitMQ users of `node`, where they are not as they should be."""
    from debstack.runtime import rabbitmq

    wrong = [
        account
        for account in site.messaging_of_nodes
        if account.user == user_of(account.name, node)
        and rabbitmq.standing(account, site.broker) is not rabbitmq.Standing.FINE
    ]
    if wrong:
        tell(f"setting up RabbitMQ users {', '.join(account.user for account in wrong)}")
        rabbitmq.repair(wrong, site.broker)


def _handed(
    machine: Machine, site: Site, packages: Sequence[Manifest], role: str, node: str = ""
) -> Handed:
    held = {**stored_passwords(), **machine.secrets(), **machine.node_secrets.get(node, {})}
    given = machine.outcome.given
    return handed_on(site, packages, role, given=given, held=held, node=node)


def stored_passwords() -> dict[str, Secret]:
    """Return the passwords of the file, those of packages that are not on this machine too."""
    values = Preseed.parse(read_text(Path(answers.SECRETS_FILE)) or "").values()
    return {name: Secret(value) for name, value in values.items()}


def text_of(handed: Handed, role: str, more: Iterable[str]) -> str:
    """Return the file that hands `handed` to a machine of `role` with the packages `more`."""
    values = {**handed.answers, **handed.secrets}
    node = handed.answers.get(MESSAGING_NODE)
    who = f"What the machine {node}" if node else "What a machine"
    join = f" as openstack-{role}" if role else ""
    names = " ".join([f"openstack-{role}" if role else "PACKAGES", *more])
    secret = "; with passwords" if handed.secrets else ""
    head = (
        f"# {who} has to know to join this cloud{join}{secret}.\n"
        f"#     debconf-set-selections < FILE && apt-get install -y {names}\n"
    )
    return head + "\n".join(export_lines(handed.known, values)) + "\n"


def deliver(text: str, output: str) -> None:
    """Write `text` into the file `output`, or print it."""
    if output:
        write(WantedFile(path=Path(output).absolute(), content=text, mode=0o600))
        return
    # Where the shell has made a file for it, that is for nobody else to read.
    if stat.S_ISREG(os.fstat(sys.stdout.fileno()).st_mode):
        os.fchmod(sys.stdout.fileno(), 0o600)
    sys.stdout.write(text)


def _packages(role: str) -> tuple[Manifest, ...]:
    """Return what the packages of `role` declare; without one, what all machines share."""
    if role and role != CLIENTS:
        return role_manifests(_ROOT, role)
    installed = manifests.read_manifests(_ROOT)
    return tuple(m for m in installed if prefix_of(m) == SHARED_PREFIX)


def handed_to_clients(
    site: Site, packages: Sequence[Manifest], *, given: Mapping[str, str]
) -> Handed:
    """Return what a machine with users, and no service, is told: where the cloud is for them. Pure.

    Raises DebstackError where this machine has no Keystone.
    """
    _check_controller(site)
    handed = handed_on(site, packages, "", given=given, held={})
    url = site.identity.public_url if site.identity else ""
    return dataclasses.replace(handed, answers={**handed.answers, _IDENTITY_URL: url})


def _export_to_clients(output: str, *, node: str | None) -> int:
    if node is not None:
        raise DebstackError(
            f"--node: not with --role {CLIENTS}: such a machine has no RabbitMQ users",
            hint="leave --node out: all such machines are told the same",
        )
    with single_apply():
        machine = read_machine(_ROOT)
        site = machine.context().site
    handed = handed_to_clients(site, _packages(CLIENTS), given=machine.outcome.given)
    deliver(text_of(handed, CLIENTS, ()), output)
    return OK


def invited(
    site: Site,
    packages: Sequence[Manifest],
    role: str,
    node: str,
    valid: timedelta,
    *,
    cell: str = "",
) -> dict[str, Secret]:
    """Return the secret by which a machine with `packages` gets a certificate, if it needs one."""
    units = [unit for manifest in packages for unit in manifest.package.unit.values()]
    needs = not role or role == _PUBLIC or any(unit.port for unit in units)
    needs = needs or any(manifest.package.certificate for manifest in packages)
    if not needs or site.tls.mode is not TlsMode.LOCAL_CA or site.tls.authority:
        return {}
    chosen = site.answers.get(PUBLIC_HOST, "")
    names = (chosen,) if role == _PUBLIC and chosen else ()
    made = signing.invite(_ROOT, datetime.now(UTC), node=node, names=names, cell=cell, valid=valid)
    return {JOIN_SECRET: made}


def _tell_face(site: Site, role: str) -> None:
    """Say what makes users come by the public face, where nobody has said where that is."""
    if role != _PUBLIC or site.answers.get(PUBLIC_HOST):
        return
    print(
        f"debstack: public URLs name this machine ({site.management_address}), not the proxy: for"
        f" users to come by that, run here: debstack answers set {PUBLIC_HOST} NAME-OR-ADDRESS"
        " && debstack apply; then export for the proxy and for compute nodes, anew if they are"
        " there already",
        file=sys.stderr,
    )


def _check_arguments(node: str | None, *, renew: bool, region: str) -> None:
    if region:
        raise DebstackError(
            f"--region: only with --role {REGION_ROLE}",
            hint="for other roles it is the region of this machine: leave --region out",
        )
    if node is not None:
        passwords.checked_node(node)
    elif renew:
        raise DebstackError(
            "--new-passwords: only for RabbitMQ users of one machine's own: --node is missing",
            hint="passwords that all machines share: debstack secrets rotate NAME",
        )


def export(
    role: str,
    *,
    output: str = "",
    node: str | None = None,
    renew: bool = False,
    region: str = "",
    valid: timedelta = signing.VALID,
    adapt: Callable[[Handed], Handed] = lambda handed: handed,
) -> int:
    """Print the preseed file for `role`, or write it to the file `output`; return the exit code.

    Without a role it has what all machines of the cloud share; for `clients`, which join nothing,
    only where the cloud is and whom to trust. What this machine lacks for that is
    made and applied first: passwords that all nodes share, and a message broker that listens to
    them. With `node` that machine gets RabbitMQ users of its own, with new passwords if `renew` is
    set. A secret to join with, where the role needs one, is `valid` for so long. A `region` is
    refused: only a controller of another one has a name for it. What is handed on is what `adapt`
    makes of it. Raises DebstackError.
    """
    require_root()
    _check_arguments(node, renew=renew, region=region)
    if role == CLIENTS:
        return _export_to_clients(output, node=node)
    packages = _packages(role)
    with single_apply():
        machine = read_machine(_ROOT)
        more = besides(_ROOT, role, machine.manifests) if role else {}
        packages = together(packages, more)
        site = machine.context().site
        _check_controller(site)
        # Before anything is made for it.
        shared_databases.told_of(site, shared_databases.used(site, packages, role))
        if node:
            _check_broker(site)
            _make_passwords(node, packages, renew=renew)
            awaited(_ROOT, node)
            machine = read_machine(_ROOT)
        changed = let_join(machine, _handed(machine, site, packages, role, node or ""))
    if changed and (code := apply_first()) != OK:
        return code
    if node or changed:
        machine = read_machine(_ROOT)
        site = machine.context().site
    if node:
        with single_apply():
            _set_up_users(site, node)
    handed = _handed(machine, site, packages, role, node or "")
    invitation = invited(site, packages, role, node or "", valid)
    handed = adapt(dataclasses.replace(handed, secrets={**handed.secrets, **invitation}))
    names = sorted({*more, *besides_of_debian(site, packages)})
    deliver(text_of(handed, role, names), output)
    _tell_face(site, role)
    return OK
