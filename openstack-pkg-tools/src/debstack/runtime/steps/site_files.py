# SPDX-License-Identifier: Apache-2.0
"""files:site: the answers and passwords of this machine, on disk and in debconf."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path

from debstack.base.secret import Secret
from debstack.runtime import answers, debconf_adapter
from debstack.runtime.files import WantedFile, difference, write
from debstack.runtime.machine import Machine
from debstack.runtime.preseed import Entry, Preseed
from debstack.runtime.step import Change, Step


def _with_header(preseed: Preseed, header: str) -> str:
    text = preseed.render()
    return text if text else header


def _entries(machine: Machine, old: Preseed, values: Mapping[str, str]) -> dict[str, Entry | None]:
    """Return what to change in `old` for `values`; a line that says so already stays untouched."""
    before = old.entries()
    changed: dict[str, Entry | None] = {}
    for name, value in values.items():
        if name in before and before[name].value == value:
            continue
        known = machine.known[name]
        changed[name] = Entry(
            owner=known.binary, name=name, type=known.question.type.value, value=value
        )
    return changed


def site_text(machine: Machine) -> str:
    """Return the text of site.preseed as it is to be: with passwords taken out of it."""
    old = machine.held.site
    changed = _entries(machine, old, machine.outcome.given)
    changed |= {n: None for n in old.entries() if n in machine.known and machine.known[n].secret}
    start = old if machine.held.site_exists else Preseed.parse(answers.SITE_HEADER)
    return _with_header(start.updated(changed), answers.SITE_HEADER)


def taken_text(machine: Machine) -> str:
    """Return the text of the memory of what was taken."""
    old = machine.held.taken
    given = machine.outcome.given
    changed = _entries(machine, old, given)
    changed |= {n: None for n in old.entries() if n in machine.known and n not in given}
    start = old if old.render() else Preseed.parse(answers.TAKEN_HEADER)
    return _with_header(start.updated(changed), answers.TAKEN_HEADER)


def secrets_text(machine: Machine, secrets: Mapping[str, Secret]) -> Secret:
    """Return the text of secrets.preseed with `secrets` in it."""
    old = machine.held.secrets
    start = old if old.render() else Preseed.parse(answers.SECRETS_HEADER)
    changed = _entries(machine, old, secrets)
    return Secret(_with_header(start.updated(changed), answers.SECRETS_HEADER))


class SiteFiles(Step):
    """Keeps what was answered and generated; `generate` False keeps only what was given."""

    id = "files:site"
    needs: frozenset[str] = frozenset()

    def __init__(self, machine: Machine, *, generate: bool = True) -> None:
        self._machine = machine
        self._secrets = machine.secrets() if generate else dict(machine.given_secrets)
        self._made = list(machine.made_secrets) if generate else []

    def _path(self, absolute: str) -> Path:
        return self._machine.root / absolute.lstrip("/")

    def _secrets_change(self) -> list[Change]:
        wanted = WantedFile(
            path=self._path(answers.SECRETS_FILE),
            content=secrets_text(self._machine, self._secrets),
            mode=0o600,
        )
        how = difference(wanted)
        nothing_to_keep = how == "missing" and not self._secrets
        if not how or nothing_to_keep:
            return []
        taken = [
            name
            for name in sorted(self._secrets)
            if name not in self._made
            and self._machine.held.secrets.values().get(name) != self._secrets[name]
        ]
        told = []
        if self._made:
            told.append(f"generate {len(self._made)} passwords")
        if taken:
            told.append(f"take {', '.join(taken)}")
        if not told:
            told.append(f"put right the {how} of {answers.SECRETS_FILE}")
        return [Change(summary="; ".join(told), perform=partial(write, wanted))]

    def _public_change(self, absolute: str, text: str) -> list[Change]:
        wanted = WantedFile(path=self._path(absolute), content=text, mode=0o644)
        if not difference(wanted):
            return []
        return [Change(summary=f"write {absolute}", perform=partial(write, wanted))]

    def _debconf_changes(self) -> list[Change]:
        machine = self._machine
        if machine.channel is None:
            return []
        found = []
        tell = {n: v for n, v in machine.outcome.tell.items() if n in machine.held.debconf}
        if tell:
            told = partial(debconf_adapter.write_answers, machine.channel, tell)
            found.append(Change(summary=f"tell debconf {', '.join(sorted(tell))}", perform=told))
        full = sorted(
            name
            for name, answer in machine.held.debconf.items()
            if machine.known[name].secret and answer.value
        )
        if full:
            clear = partial(debconf_adapter.clear_passwords, machine.channel, full)
            found.append(
                Change(summary=f"clear {', '.join(full)} in debconf's database", perform=clear)
            )
        return found

    def changes(self) -> Sequence[Change]:
        """See Step. The memory of what was taken comes last: a killed run takes it again."""
        return [
            *self._secrets_change(),
            *self._public_change(answers.SITE_FILE, site_text(self._machine)),
            *self._debconf_changes(),
            *self._public_change(answers.TAKEN_FILE, taken_text(self._machine)),
        ]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return ["keep answers and passwords in /etc/debstack"]
