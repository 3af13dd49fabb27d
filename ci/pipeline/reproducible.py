# SPDX-License-Identifier: Apache-2.0
"""Whether building a package again, under other conditions, gives the very same .debs."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path

from debstack.base.errors import DebstackError
from pipeline.build import Built, Conditions, Plan, build_in_root, say
from pipeline.deb import Deb, contents, reachable
from pipeline.source import wanted_relations
from pipeline.tree import BUILD, scratch_folder, sha256_file

#: As unlike the usual build as one machine allows; the clock differs by itself.
OTHER = Conditions(
    path="/build/another/place/second",
    host="elsewhere",
    locale="C",
    timezone="Pacific/Kiritimati",
    umask="0002",
    jobs=1,
)
_SHOWN = 40


def differences(first: Path, second: Path) -> list[str]:
    """Return the names of the files that differ between two .debs; owners or times if none do."""
    a, b = contents(first), contents(second)
    names = sorted(name for name in a.keys() | b.keys() if a.get(name) != b.get(name))
    return names or ["only modes, owners, times or the order of files"]


def compare(first: Built, folder: Path) -> None:
    """Raise DebstackError unless `folder` has the same .debs as the build `first`."""
    problems = []
    for deb in first.files(".deb"):
        again = folder / deb.name
        if not again.is_file():
            problems.append(f"    {deb.name}: the second build has none")
        elif sha256_file(deb) != sha256_file(again):
            names = differences(deb, again)[:_SHOWN]
            problems += [f"    {deb.name}: differs in", *(f"        {name}" for name in names)]
    if problems:
        raise DebstackError("\n".join([f"{first.source.name}: not reproducible", *problems]))


def check_reproducible(built: Built, plan: Plan, debs: Mapping[str, Deb]) -> None:
    """Build again from `built`'s .dsc under other conditions; DebstackError where a .deb differs.

    `debs` are all packages of ours by name, for its build root.
    """
    source = built.source
    wanted = wanted_relations(source, plan.profiles)
    names = [relation["name"] for group in wanted for relation in group]
    own = reachable([name for name in names if name not in source.binaries], debs)
    log_path = BUILD / "logs" / f"{source.name}.second.log"
    log_path.write_text("", encoding="utf-8")
    with scratch_folder(f"{source.name}-again") as scratch:
        scratch.chmod(0o755)  # the builder of the root reads the source package in it
        for file in built.files(".dsc", ".gz", ".xz", ".bz2"):
            shutil.copyfile(file, scratch / file.name)
        build_in_root(source, plan, own, scratch, log_path, OTHER)
        compare(built, scratch)
    say(f"reproducible: {source.name}: the second build is identical")


def check_all(builds: Iterable[Built], plan: Plan, debs: Mapping[str, Deb]) -> None:
    """Check each build as check_reproducible does; DebstackError with all that differ."""
    problems = []
    for built in builds:
        try:
            check_reproducible(built, plan, debs)
        except DebstackError as error:
            problems.append(error.message)
            say(f"reproducible: {built.source.name}: differs")
    if problems:
        raise DebstackError("\n".join(problems))
