# SPDX-License-Identifier: Apache-2.0
"""Reading what a run starts from: manifests, answers, passwords, facts. Changes nothing."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.base.secret import Secret, generate_secret
from debstack.runtime import answers, debconf_adapter, ini
from debstack.runtime.context import Context
from debstack.runtime.facts import Facts, gather
from debstack.runtime.files import read_text
from debstack.runtime.manifests import (
    KnownQuestion,
    implied_passwords,
    known_questions,
    read_manifests,
    used_secrets,
)
from debstack.runtime.nodes import passwords
from debstack.runtime.preseed import Preseed
from debstack.runtime.resolve import Inputs, resolve
from debstack.runtime.site import Engine
from debstack.runtime.take import DebconfAnswer, Outcome, Sides, decide_all
from debstack.spec import drop_in
from debstack.spec.vocabulary import Manifest

ADMIN_PASSWORD = "openstack/admin-password"  # noqa: S105 - the name of the question
_SCHEMES = {
    "mysql+pymysql": Engine.MARIADB,
    "postgresql+psycopg2": Engine.POSTGRESQL,
    "sqlite": Engine.SQLITE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """What is on record: the three files as they are, and what debconf says."""

    site: Preseed
    secrets: Preseed
    taken: Preseed
    #: False where /etc/debstack/site.preseed does not exist.
    site_exists: bool
    debconf: Mapping[str, DebconfAnswer] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What a run starts from."""

    root: Path
    manifests: tuple[Manifest, ...]
    known: Mapping[str, KnownQuestion]
    facts: Facts
    held: Held
    outcome: Outcome
    #: Passwords that somebody gave, by full name.
    given_secrets: Mapping[str, Secret]
    #: Passwords made now, because nobody gave them.
    made_secrets: Mapping[str, Secret]
    #: Passwords that other machines have for themselves at the broker, by machine.
    node_secrets: Mapping[str, Mapping[str, Secret]]
    #: The channel to debconf; None where it cannot be used.
    channel: debconf_adapter.Channel | None
    warnings: Sequence[str]

    def answers(self) -> dict[str, str]:
        """Return the answers in effect, defaults included."""
        return answers.effective(self.known, self.outcome.given)

    def secrets(self) -> dict[str, Secret]:
        """Return all passwords in effect."""
        return {**self.given_secrets, **self.made_secrets}

    def context(self) -> Context:
        """Return what the steps are built from. Raises DebstackError for unusable answers."""
        answers.check_all(self.known, self.outcome.given)
        site = resolve(
            Inputs(
                manifests=self.manifests,
                answers=self.answers(),
                secrets=self.secrets(),
                facts=self.facts,
                engine_in_use=engine_in_use(self.root, self.manifests),
                node_secrets=self.node_secrets,
            )
        )
        return Context(site=site, manifests=self.manifests, root=self.root)


def engine_in_use(root: Path, installed: Sequence[Manifest]) -> Engine | None:
    """Return the kind of database that the services of this machine are configured for, if any."""
    for manifest in installed:
        for config in manifest.package.config.values():
            path = root / drop_in.path_of(config).lstrip("/")
            text = read_text(path)
            if text is None:
                continue
            values = ini.parsed(text).get("database", {}).get("connection", [])
            for value in values:
                return _SCHEMES.get(value.strip("\"'").partition(":")[0])
    return None


def require_root() -> None:
    """Raise DebstackError unless this process may read and write what only root may."""
    if os.geteuid() != 0:
        raise DebstackError("must be run as root", hint="use sudo or su")


def _read_preseed(path: Path) -> Preseed:
    return Preseed.parse(read_text(path) or "")


def _debconf_channel(root: Path, *, in_dpkg: bool) -> debconf_adapter.Channel | None:
    if in_dpkg:
        return debconf_adapter.frontend()
    # Under a maintainer script that has not lent us its frontend, debconf's database is locked.
    locked = bool(os.environ.get("DEBIAN_HAS_FRONTEND"))
    if locked or root != Path("/") or not Path("/usr/bin/debconf-communicate").exists():
        return None
    return debconf_adapter.CommunicateChannel()


def _decide(known: Mapping[str, KnownQuestion], held: Held, *, in_dpkg: bool) -> Outcome:
    file, taken = held.site.values(), held.taken.values()
    if not held.site_exists:
        file = dict(taken)  # a lost file is restored; a deleted line means the default
    sides = {
        name: Sides(
            name=name,
            default=item.question.default,
            file=file.get(name),
            taken=taken.get(name),
            debconf=held.debconf.get(name),
        )
        for name, item in known.items()
        if not item.secret
    }
    return decide_all(sides, in_dpkg=in_dpkg)


def _given_secrets(known: Mapping[str, KnownQuestion], held: Held) -> dict[str, Secret]:
    names = [name for name, item in known.items() if item.secret]
    sources = (
        held.secrets.values(),
        held.site.values(),
        {name: answer.value for name, answer in held.debconf.items()},
    )
    return {name: Secret(source[name]) for source in sources for name in names if source.get(name)}


def _made_secrets(
    installed: Sequence[Manifest],
    known: Mapping[str, KnownQuestion],
    given: Mapping[str, Secret],
) -> dict[str, Secret]:
    names = list(implied_passwords(installed))
    used = used_secrets(installed)
    names += [name for name, item in known.items() if item.question.generate and name in used]
    if any(manifest.package.bootstrap is not None for manifest in installed):
        names.append(ADMIN_PASSWORD)
    return {name: generate_secret() for name in names if name not in given}


def _warnings(known: Mapping[str, KnownQuestion], held: Held) -> list[str]:
    # Asked by postrm, so in no manifest.
    purge = {f"{name.partition('/')[0]}/purge-data" for name in known}
    public = [name for name, item in known.items() if not item.secret]
    secret = [name for name, item in known.items() if item.secret]
    found = answers.warnings(held.site, [*public, *secret, *purge], answers.SITE_FILE)
    found += answers.warnings(held.secrets, secret, answers.SECRETS_FILE)
    found += [
        f"{answers.SITE_FILE}: {name}: a password: moved to {answers.SECRETS_FILE}"
        for name in secret
        if name in held.site.entries()
    ]
    return found


def read_machine(root: Path = Path("/"), *, in_dpkg: bool = False) -> Machine:
    """Return what a run on this machine starts from. Raises DebstackError.

    `in_dpkg` tells that a maintainer script calls: answers are then taken from its frontend.
    """
    installed = read_manifests(root)
    known = known_questions(installed)
    channel = _debconf_channel(root, in_dpkg=in_dpkg)
    notes: list[str] = []
    debconf: dict[str, DebconfAnswer] = {}
    if channel is not None:
        try:
            debconf = debconf_adapter.read_answers(channel, known)
        except DebstackError as error:
            channel = None
            notes.append(f"{error.message}: its answers are not looked at")
    site_path = root / answers.SITE_FILE.lstrip("/")
    held = Held(
        site=_read_preseed(site_path),
        secrets=_read_preseed(root / answers.SECRETS_FILE.lstrip("/")),
        taken=_read_preseed(root / answers.TAKEN_FILE.lstrip("/")),
        site_exists=site_path.exists(),
        debconf=debconf,
    )
    outcome = _decide(known, held, in_dpkg=in_dpkg)
    given = _given_secrets(known, held)
    return Machine(
        root=root,
        manifests=installed,
        known=known,
        facts=gather(root),
        held=held,
        outcome=outcome,
        given_secrets=given,
        made_secrets=_made_secrets(installed, known, given),
        node_secrets=passwords.held(root),
        channel=channel,
        warnings=[*notes, *_warnings(known, held), *outcome.warnings],
    )


def readable_by_others(path: Path) -> bool:
    """Say whether anybody but its owner and group may read `path`; False if it is not there."""
    try:
        return bool(stat.S_IMODE(path.stat().st_mode) & 0o007)
    except FileNotFoundError:
        return False
