# SPDX-License-Identifier: Apache-2.0
"""The finished schemas that a package brings: made by what was built, on a MariaDB of the build."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from debstack.base.errors import SpecError
from debstack.base.run import run
from debstack.dh.catalogue import search_path
from debstack.spec.vocabulary import Component, Schema, Sections

_TIMEOUT_S = 1800.0
_HINT = (
    "the Build-Depends must hold mariadb-server-core, python3-pymysql and what the service needs"
)


def _all_sections(declared: Component) -> Iterator[Sections]:
    for package in declared.package.values():
        for config in package.config.values():
            yield config.set
            yield from (conditional.set for conditional in config.when)


def option_of(declared: Component, key: str) -> str:
    """Return the option, as group.name, that is set to the URL of the database `key`.

    Raises SpecError where none is: the migration could not be told where its database is.
    """
    wanted = f"${{database.{key}}}"
    for sections in _all_sections(declared):
        for group, options in sections.items():
            for name, value in options.items():
                if value == wanted:
                    return f"{group}.{name}"
    raise SpecError([f"schema.{key}.snapshot: no option is set to {wanted}"])


def _only(debian: Path, pattern: str, what: str) -> Path:
    found = sorted(debian.glob(pattern), key=lambda path: ("tmp" in path.parts, path))
    if not found:
        raise SpecError([f"{what}: expected it below debian/, found nothing"])
    return found[0].resolve()


def snapshot(declared: Component, key: str, schema: Schema, debian: Path) -> str:
    """Return the snapshot of `schema`, made by its own command out of the trees in `debian`.

    Raises SpecError for a declaration that does not fit what was built, and CommandError where
    the migration fails.
    """
    where = f"schema.{key}"
    packages = "*/usr/lib/python3*/dist-packages"
    migrations = _only(debian, f"{packages}/{schema.migrations}", f"{where}.migrations")
    program = _only(debian, f"*/usr/bin/{schema.sync[0]}", f"{where}.sync")
    toolkit = Path(__file__).parents[2]
    argv = [sys.executable, "-m", "debstack.runtime.database.make_snapshot"]
    argv += ["--option", option_of(declared, key), "--migrations", str(migrations)]
    argv += ["--", sys.executable, str(program), *schema.sync[1:]]
    paths = ":".join(map(str, [*search_path(debian), toolkit]))
    environment = {"PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}
    return run(argv, env=environment, hint=_HINT, timeout_s=_TIMEOUT_S).stdout


def snapshots(declared: Component, binary: str, debian: Path) -> dict[str, str]:
    """Return name to text of each snapshot of the package `binary`; the first schema makes it."""
    first: dict[str, tuple[str, Schema]] = {}
    for key, schema in declared.package[binary].schema.items():
        if schema.snapshot:
            first.setdefault(schema.snapshot, (key, schema))
    return {name: snapshot(declared, *of, debian) for name, of in first.items()}
