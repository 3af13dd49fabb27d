# SPDX-License-Identifier: Apache-2.0
"""config:<name>: the drop-in that tells a service where everything is."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from debstack.base.errors import AnswerError, ConfigurationError
from debstack.runtime import ini, python_settings
from debstack.runtime.catalogue import read_catalogue, unknown
from debstack.runtime.context import Context
from debstack.runtime.files import WantedFile, difference, read_text, told, write
from debstack.runtime.packages import require
from debstack.runtime.step import Change, Step
from debstack.runtime.substitution import Rendered, holds, sections_of, settings_of
from debstack.spec import drop_in
from debstack.spec.vocabulary import Config, Dialect, Manifest


def header(manifest: Manifest, config: Config) -> str:
    """Return the comment at the top of the drop-in: who made it, and how to change it."""
    source = f"/usr/share/debstack/components/{manifest.binary}.json"
    made = f"""\
Made by debstack for {manifest.title}, from {source}
and the answers in /etc/debstack. It is overwritten: do not edit it.
To change an answer: debstack answers set QUESTION VALUE, then: debstack apply"""
    if config.dialect is Dialect.CONFIGPARSER and not config.file:
        return made  # read by itself, not with what lies beside it
    return f"""{made}
To set anything else: put it into {config.directory}/90-local{drop_in.suffix(config)}, which
wins over this file, then run: debstack apply"""


class ConfigStep(Step):
    """The drop-in of one declared configuration."""

    def __init__(self, context: Context, manifest: Manifest, name: str) -> None:
        self.id = f"config:{name}"
        self.needs = frozenset({"files:site", "answers:authorities"})
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
        plain = self._config.dialect in (Dialect.PASTE, Dialect.RSYNC)
        if plain:
            self._check_plain(sections)
        return ini.rendered(told, sections, plain=plain, bare=self._bare)

    @property
    def _bare(self) -> bool:
        return self._config.dialect is Dialect.RSYNC

    def _check_plain(self, sections: Rendered) -> None:
        for section, keys in sections.items():
            for key, values in keys.items():
                texts = [str(value) for value in values]
                if any(text != text.strip() or "\n" in text for text in texts):
                    raise ConfigurationError(
                        f"{self._path}: [{section}] {key}: has blanks at its beginning or end, or"
                        " several lines, which the reader of this file would lose",
                        hint="give another answer or password; then run: debstack apply",
                    )

    def _together(self, ours: WantedFile) -> WantedFile:
        """Return the file of all drop-ins together, for a reader that takes no directory."""
        folder = self._context.path(self._config.directory)
        others = [path for path in folder.glob("*.conf") if path.name != ours.path.name]
        texts = {path.name: read_text(path) or "" for path in others if path.name[0] != "."}
        texts[ours.path.name] = ours.content
        made = f"""\
Made by debstack of {", ".join(sorted(texts))} in {self._config.directory}.
It is overwritten: do not edit it. Put what you want to set into 90-local.conf there,
then run: debstack apply"""
        return WantedFile(
            path=self._context.path(self._config.file),
            content=ini.together(made, [texts[name] for name in sorted(texts)], bare=self._bare),
            mode=ours.mode,
            group=ours.group,
        )

    def _check_needs(self) -> None:
        """Raise DebstackError where what goes with an answer is not given, or not installed."""
        site = self._context.site
        for conditional in self._config.when:
            if not holds(site, self._manifest, conditional):
                continue
            why = f"{conditional.question} {conditional.equals}".strip()
            for name in conditional.needs:
                if not site.answers.get(name):
                    raise AnswerError(
                        name,
                        f"needed for {why}, and empty",
                        hint=f"run: debstack answers set {name} VALUE; then: debstack apply",
                    )
            require(conditional.packages, why)

    def wanted(self) -> WantedFile:
        """Return the drop-in as it is to be. Raises ConfigurationError for an unknown option."""
        return WantedFile(
            path=self._context.path(self._path),
            content=self._content(),
            mode=0o640,
            group=self._manifest.user,
        )

    def changes(self) -> Sequence[Change]:
        """See Step. Raises DebstackError."""
        self._check_needs()
        wanted = [(self.wanted(), self._path)]
        if self._config.file:
            wanted.append((self._together(wanted[0][0]), self._config.file))
        return [
            Change(summary=told(how, path), perform=partial(write, file))
            for file, path in wanted
            if (how := difference(file))
        ]

    def declared(self) -> Sequence[str]:
        """See Step."""
        return [f"write {path}" for path in (self._path, self._config.file) if path]


def build(context: Context) -> list[Step]:
    """Return a step for each declared configuration."""
    return [
        ConfigStep(context, manifest, name)
        for manifest in context.manifests
        for name in manifest.package.config
    ]
