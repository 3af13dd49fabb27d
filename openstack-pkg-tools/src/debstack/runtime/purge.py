# SPDX-License-Identifier: Apache-2.0
"""debstack purge: takes back what a purged package had elsewhere than in its own files.

It may run with the servers gone, or with everything gone but itself: what cannot be reached is
left and told, and is no failure, since a purge must not keep dpkg from going on.
"""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.main import OK
from debstack.base.run import PATH, run
from debstack.base.secret import Secret
from debstack.runtime import answers, manifests
from debstack.runtime.cells import places
from debstack.runtime.database.driver import driver_for
from debstack.runtime.facts import gather
from debstack.runtime.files import WantedFile, read_text, refusal, remove, write
from debstack.runtime.lock import single_apply
from debstack.runtime.machine import engine_in_use, require_root
from debstack.runtime.nodes.passwords import held, path_of
from debstack.runtime.nodes.passwords import users as node_users
from debstack.runtime.preseed import Preseed
from debstack.runtime.resolve import (
    Inputs,
    broker_of,
    database_server,
    identity_site,
    resolve,
    resolved_account,
    shared_broker,
)
from debstack.runtime.site import Site
from debstack.runtime.step import Change
from debstack.runtime.substitution import verbatim
from debstack.spec.vocabulary import Manifest

UNDO_TIMEOUT_S = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Purge:
    """One purged package among those that stay."""

    manifest: Manifest
    installed: tuple[Manifest, ...]
    inputs: Inputs
    root: Path

    def alone(self, of: Callable[[Manifest], Iterable[str]]) -> list[str]:
        """Return the names that `of` finds in the purged package and in no other one."""
        kept = {name for other in self.installed for name in of(other)}
        return [name for name in of(self.manifest) if name not in kept]


def find_manifest(root: Path, binary: str) -> Manifest | None:
    """Return what a removed package declared, or None where nothing is known of it.

    Raises DebstackError for a package that is installed.
    """
    installed = root / manifests.COMPONENTS.lstrip("/") / f"{binary}.json"
    if installed.exists():
        raise DebstackError(
            f"{binary}: is installed, and only what a removed package left can be purged",
            hint=f"run: apt-get purge {binary}",
        )
    kept = root / manifests.REMOVED.lstrip("/") / f"{binary}.json"
    return manifests.read_manifest(kept) if kept.exists() else None


def prepare(root: Path, manifest: Manifest) -> Purge:
    """Return what purging `manifest` needs to know, read without asking any server."""
    installed = manifests.read_manifests(root)
    everybody = (*installed, manifest)
    site = Preseed.parse(read_text(root / answers.SITE_FILE.lstrip("/")) or "")
    secrets = Preseed.parse(read_text(root / answers.SECRETS_FILE.lstrip("/")) or "")
    known = manifests.known_questions(everybody)
    inputs = Inputs(
        manifests=everybody,
        # debstack's own questions may be gone already: then the file alone is the answer.
        answers={**site.values(), **answers.effective(known, site.values())},
        secrets={name: Secret(value) for name, value in secrets.values().items()},
        facts=gather(root),
        engine_in_use=engine_in_use(root, everybody),
        node_secrets=held(root),
    )
    return Purge(manifest=manifest, installed=installed, inputs=inputs, root=root)


def database_removals(purge: Purge) -> list[Change]:
    """Return the changes that drop the databases and users of the package. Raises DebstackError."""
    keys = purge.alone(lambda m: [f"{m.source}/{key}" for key in m.package.database])
    if not keys:
        return []
    server = database_server(purge.inputs)
    driver = driver_for(server, purge.root)
    return [
        change
        for key in keys
        for change in driver.removals(
            resolved_account(purge.inputs, server, purge.manifest, key.rpartition("/")[2])
        )
    ]


def identity_removals(purge: Purge) -> list[Change]:
    """Return the changes that take the package out of Keystone. Raises DebstackError."""
    from debstack.runtime.keystone.former import plan_emptied, take_regions
    from debstack.runtime.keystone.registered import noted
    from debstack.runtime.keystone.removing import Leaving, plan_removal, take_removal_snapshot
    from debstack.runtime.keystone.session import Keystone, quoted_path

    leaving = Leaving(
        users=purge.alone(lambda m: m.package.service_user),
        types=purge.alone(lambda m: m.package.service),
        domains=purge.alone(lambda m: m.package.domain),
        roles=purge.alone(lambda m: m.package.role),
    )
    # A Keystone of this machine that is gone, or that goes now, takes its catalogue with it.
    others = Inputs(
        manifests=purge.installed,
        answers=purge.inputs.answers,
        secrets=purge.inputs.secrets,
        facts=purge.inputs.facts,
    )
    identity = identity_site(others)
    if identity is None or not leaving:
        return []
    keystone = Keystone(identity)
    keystone.log_in()
    found = take_removal_snapshot(keystone, purge.manifest, leaving.users)
    ours = noted(purge.root) or frozenset()
    removals = plan_removal(found, purge.manifest, leaving, identity.region, ours)
    gone = {removal.path[1] for removal in removals if removal.path[0] == "endpoints"}
    if gone and not identity.local:
        removals += plan_emptied(take_regions(keystone), ours, identity.region, gone)
    return [
        Change(
            summary=removal.summary,
            perform=partial(
                keystone.request, removal.method, quoted_path(*removal.path), removal.body
            ),
        )
        for removal in removals
    ]


def messaging_removals(purge: Purge) -> list[Change]:
    """Return the changes that delete the package's RabbitMQ accounts. Raises DebstackError."""
    names = purge.alone(lambda m: m.package.messaging)
    inputs = purge.inputs
    management = inputs.shared("management-address", inputs.facts.primary_address)
    broker = broker_of(inputs, purge.manifest, shared_broker(inputs, management))
    if not names or not broker.hosts:
        return []
    from debstack.runtime import rabbitmq

    here = broker.local
    passwords = {manifests.password_name(purge.manifest, "messaging", n): n for n in names}
    users = [*names, *node_users(passwords, purge.inputs.node_secrets)] if here else names
    return rabbitmq.removals(names, users, local=here)


def answered_site(purge: Purge) -> Site:
    """Return the site as far as answers and the machine itself make it. Raises DebstackError.

    While a cloud is taken away, Keystone may be gone before those that need it.
    """
    return resolve(replace(purge.inputs, manifests=()))


def task_undoings(purge: Purge) -> list[Change]:
    """Return the changes that take back what the package's tasks have set. Raises DebstackError."""
    declared = [task for task in purge.manifest.package.task.values() if task.undo]
    # Where the program is gone, so is what it kept.
    declared = [task for task in declared if shutil.which(task.undo[0], path=PATH)]
    if not declared:
        return []
    site = answered_site(purge)
    filled = [[verbatim(site, purge.manifest, word) for word in task.undo] for task in declared]
    commands = [[word for word in words if word] for words in filled if all(words)]
    return [
        Change(summary=f"run {shlex.join(command)}", perform=partial(_run, command))
        for command in commands
    ]


def _run(command: Sequence[str]) -> None:
    run(command, timeout_s=UNDO_TIMEOUT_S)


def _delete(directory: Path) -> None:
    try:
        shutil.rmtree(directory)
    except OSError as error:
        raise refusal(directory, error) from error


def file_removals(purge: Purge) -> list[Change]:
    """Return the changes that delete key repositories and forget cells and passwords."""
    paths = purge.alone(lambda m: [r.path for r in m.package.key_repository.values()])
    changes = [
        Change(summary=f"delete {path}", perform=partial(_delete, purge.root / path[1:]))
        for path in paths
        if (purge.root / path[1:]).is_dir()
    ]
    if purge.manifest.package.cells is not None:
        changes += [
            Change(summary=f"delete {path}", perform=partial(remove, path))
            for name in places.names(purge.root)
            for path in (places.came_path(purge.root, name), places.path_of(purge.root, name))
            if path.exists()
        ]
    names = purge.alone(lambda m: m.password.values())
    changes += forgetting(purge.root, answers.SECRETS_FILE, names)
    for node in purge.inputs.node_secrets:
        changes += forgetting(purge.root, path_of(node), names, of=f" of {node}")
    return changes


def forgetting(root: Path, file: str, names: Iterable[str], of: str = "") -> list[Change]:
    """Return the change that takes the passwords `names` out of `file`, if they are there."""
    path = root / file.lstrip("/")
    secrets = Preseed.parse(read_text(path) or "")
    gone = sorted(set(names) & set(secrets.entries()))
    if not gone:
        return []
    text = secrets.updated(dict.fromkeys(gone)).render()
    wanted = WantedFile(path=path, content=text, mode=0o600)
    return [Change(summary=f"forget {', '.join(gone)}{of}", perform=partial(write, wanted))]


def _databases(manifest: Manifest) -> Iterable[str]:
    return (f"database {key} and its user" for key in manifest.package.database)


def _registered(manifest: Manifest) -> Iterable[str]:
    yield from (f"Keystone domain {name}" for name in manifest.package.domain)
    yield from (f"Keystone role {name}" for name in manifest.package.role)
    yield from (f"Keystone user {name}" for name in manifest.package.service_user)
    yield from (f"catalogue entry {name}" for name in manifest.package.service)


def _accounts(manifest: Manifest) -> Iterable[str]:
    return (f"RabbitMQ virtual host and user {name}" for name in manifest.package.messaging)


def _files(manifest: Manifest) -> Iterable[str]:
    yield from (repository.path for repository in manifest.package.key_repository.values())
    yield from (f"password {name}" for name in manifest.password.values())


def _settings(manifest: Manifest) -> Iterable[str]:
    return (f"setting {name}" for name, task in manifest.package.task.items() if task.undo)


#: What is purged, each part without regard to the others; passwords last, since they open doors.
PARTS: tuple[tuple[Callable[[Manifest], Iterable[str]], Callable[[Purge], list[Change]]], ...] = (
    (_settings, task_undoings),
    (_registered, identity_removals),
    (_accounts, messaging_removals),
    (_databases, database_removals),
    (_files, file_removals),
)


def _perform(part: Callable[[Purge], list[Change]], purge: Purge) -> None:
    for change in part(purge):
        change.perform()
        print(f"debstack: {change.summary}", file=sys.stderr)


def _told(binary: str, left: Iterable[str], error: DebstackError) -> None:
    print(f"debstack: warning: {binary}: left {', '.join(left)}: {error.message}", file=sys.stderr)
    if error.hint:
        # Nothing can run this again once dpkg has forgotten the package.
        hint = re.split(r"[,;] then", error.hint)[0]
        print(f"debstack: hint: {hint}; then remove by hand what was left", file=sys.stderr)


def purge(binary: str, *, data: bool, root: Path = Path("/")) -> int:
    """Take back what `binary` left, its data only with `data`; return the exit code.

    What cannot be reached is told on stderr. Raises DebstackError for an installed package.
    """
    require_root()
    manifest = find_manifest(root, binary)
    if manifest is None:
        print(f"debstack: {binary}: nothing is known of it, so nothing is left", file=sys.stderr)
        return OK
    if not data:
        print(f"debstack: {binary}: its data is left; --data deletes it", file=sys.stderr)
        return OK
    with single_apply():
        work = prepare(root, manifest)
        for named, part in PARTS:
            try:
                _perform(part, work)
            except DebstackError as error:
                _told(binary, work.alone(named), error)
    return OK
