# SPDX-License-Identifier: Apache-2.0
"""config:<name>: the drop-in that tells a service where everything is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from debstack.base.errors import ConfigurationError
from debstack.runtime import ini, python_settings
from debstack.runtime.catalogue import read_catalogue, unknown
from debstack.runtime.context import Context
from debstack.runtime.files import WantedFile, difference, told, write
from debstack.runtime.step import Change, Step
from debstack.runtime.substitution import Rendered, sections_of, settings_of
from debstack.spec import drop_in
from debstack.spec.vocabulary import Config, Dialect, Manifest


def header(manifest: Manifest, config: Config) -> str:
    """Return the comment at the top of the drop-in: who made it, and how to change it."""
    source = f"/usr/share/debstack/components/{manifest.binary}.json"
    made = f"""\
Made by debstack for {manifest.title}, from {source}
and the answers in /etc/debstack. It is overwritten: do not edit it.
To change an answer: debstack answers set QUESTION VALUE, then: debstack apply"""
    if config.dialect is Dialect.CONFIGPARSER:
        return made  # read by itself, not with what lies beside it
    return f"""{made}
To set anything else: put it into {config.directory}/90-local{drop_in.suffix(config)}, which
wins over this file, then run: debstack apply"""


class ConfigStep(Step):
    """The drop-in of one declared configuration."""

    def __init__(self, context: Context, manifest: Manifest, name: str) -> None:
        self.id = f"config:{name}"
        self.needs = frozenset({"files:site"})
        self._context = context
        self._manifest = manifest
        self._name = name
        self._config = manifest.package.config[name]
        self._path = drop_in.path_of(self._config)

    def _check(self, sections: Rendered) -> None:
        catalogue = read_catalogue(self._context.root, self._name)
        if catalogue is None:
            return  # built without one; doctor says so
        keys = [(section, key) for section, found in sections.items() for key in found]
        problems = unknown(catalogue, self._config.sections_like, keys)
        if problems:
            raise ConfigurationError(
                "\n".join(f"{self._path}: {problem}" for problem in problems),
                hint=f"{self._manifest.binary} and the service's code do not fit together:"
                " upgrade both",
            )

    def _content(self) -> str:
        told = header(self._manifest, self._config)
        given = (self._context.site, self._manifest, self._config)
        if self._config.dialect is Dialect.PYTHON:
            return python_settings.rendered(told, settings_of(*given))
        sections = sections_of(*given)
        self._check(sections)
        return ini.rendered(told, sections)

    def wanted(self) -> WantedFile:
        """Return the drop-in as it is to be. Raises ConfigurationError for an unknown option."""
        return WantedFile(
            path=self._context.path(self._path),
            content=self._content(),
            mode=0o640,
            group=self._manifest.user,
        )

    def changes(self) -> Sequence[Change]:
        """See Step."""
        wanted = self.wanted()
        how = difference(wanted)
        if not how:
            return []
        return [Change(summary=told(how, self._path), perform=partial(write, wanted))]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"write {self._path}"]


def build(context: Context) -> list[Step]:
    """Return a step for each declared configuration."""
    return [
        ConfigStep(context, manifest, name)
        for manifest in context.manifests
        for name in manifest.package.config
    ]
