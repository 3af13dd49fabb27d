# SPDX-License-Identifier: Apache-2.0
"""A series of OpenStack: which upstream release each source package is made from."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass, field
from pathlib import Path

from debstack.base.errors import DebstackError
from debstack.spec.load import load, suggestion
from pipeline.tree import ROOT

SCHEMA = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sdist:
    """An upstream release: its project on the Python package index, the file and its checksum."""

    version: str
    file: str
    sha256: str
    #: The project's name on the index; empty for the name of the source package.
    project: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Series:
    """One packages/series/<name>.toml."""

    schema: int
    series: str
    codename: str
    #: The Debian release that it is packaged for.
    suite: str
    #: Source package name to upstream release.
    source: dict[str, Sdist] = field(default_factory=dict)

    def sdist(self, source: str) -> Sdist:
        """Return the upstream release of `source`; DebstackError with a suggestion if none."""
        if source not in self.source:
            raise DebstackError(
                f"packages/series/{self.series}.toml: source.{source}: missing"
                f"{suggestion(source, list(self.source))}",
                hint=f"add [source.{source}] with version, file and sha256",
            )
        return self.source[source]

    def project(self, source: str) -> str:
        """Return the name of `source` on the Python package index."""
        return self.sdist(source).project or source


def read_series(path: Path) -> Series:
    """Return the Series in the TOML file `path`. Raises SpecError or DebstackError."""
    where = os.fspath(path.relative_to(ROOT)) if path.is_relative_to(ROOT) else os.fspath(path)
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        known = ", ".join(sorted(p.stem for p in path.parent.glob("*.toml")))
        raise DebstackError(f"{where}: no such series (known: {known})") from error
    except tomllib.TOMLDecodeError as error:
        raise DebstackError(f"{where}: {error}") from error
    read = load(Series, table, where=where)
    if read.schema != SCHEMA:
        raise DebstackError(f"{where}: schema: expected {SCHEMA}, got {read.schema}")
    return read


def current_series() -> Series:
    """Return the series to work on: $DEBSTACK_SERIES, else the newest one in packages/series."""
    folder = ROOT / "packages" / "series"
    name = os.environ.get("DEBSTACK_SERIES") or max(path.stem for path in folder.glob("*.toml"))
    return read_series(folder / f"{name}.toml")
