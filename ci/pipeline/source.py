# SPDX-License-Identifier: Apache-2.0
"""The source packages of the tree: finding them, what they need of each other, their .dsc."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

from debian.changelog import Changelog
from debian.deb822 import Deb822, PkgRelation
from debian.debian_support import Version

from debstack.base.errors import DebstackError
from debstack.base.run import run
from debstack.spec.load import suggestion
from pipeline.sdist import fetch_sdist
from pipeline.series import Series
from pipeline.tree import ROOT, tree_files

#: What the toolkit's own source package is made of; the rest of the tree is not part of it.
_TOOLKIT_PARTS = ("debian", "openstack-pkg-tools", "LICENSE")
#: Files of the tree that a source package has copies of, below GATHERED: what is made from all
#: declarations is made when that package is built, from its .dsc alone.
_GATHERED: Mapping[str, tuple[str, ...]] = {
    "openstack-meta": (
        "debian/openstack.toml",
        "packages/*/debian/control",
        "packages/*/debian/openstack.toml",
        "preseed/*.preseed",
    )
}
GATHERED = "gathered"
_NATIVE = "3.0 (native)"
_QUILT = "3.0 (quilt)"

Relation = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class SourcePackage:
    """A source package of the tree; `folder` is what holds its debian/."""

    name: str
    folder: Path
    version: Version
    distribution: str
    timestamp: int
    native: bool
    binaries: tuple[str, ...]
    #: Names that its binaries stand in for (Provides).
    provides: tuple[str, ...] = ()
    #: Build-Depends and its -Indep and -Arch kin, as python-debian parses them.
    build_depends: tuple[tuple[Relation, ...], ...]

    @property
    def upstream(self) -> str:
        """The upstream part of the version."""
        return str(self.version.upstream_version)

    @property
    def stem(self) -> str:
        """The start of its files' names: name_version without the epoch."""
        return f"{self.name}_{str(self.version).partition(':')[2] or self.version}"

    def files(self) -> dict[str, Path]:
        """Return name in the source package to file of the tree, of all that goes into it."""
        parts = ["debian"]
        if self.native:
            parts = list(_TOOLKIT_PARTS) if self.folder == ROOT else ["."]
        places = [self.folder / part for part in parts]
        own = [file for place in places if place.exists() for file in tree_files(place)]
        found = {os.fspath(file.relative_to(self.folder)): file for file in own}
        for pattern in _GATHERED.get(self.name, ()):
            for file in sorted(ROOT.glob(pattern)):
                found[f"{GATHERED}/{file.relative_to(ROOT)}"] = file
        return found


def _changelog_timestamp(entry: Any) -> int:
    return int(parsedate_to_datetime(entry.date).timestamp())


def _build_depends(paragraph: Mapping[str, str]) -> tuple[tuple[Relation, ...], ...]:
    fields = ("Build-Depends", "Build-Depends-Indep", "Build-Depends-Arch")
    texts = [paragraph[name].strip().strip(",") for name in fields if paragraph.get(name)]
    return tuple(tuple(group) for text in texts for group in PkgRelation.parse_relations(text))


def provided_names(paragraph: Mapping[str, str]) -> list[str]:
    """Return the names in a binary paragraph's Provides, substitution variables left out."""
    text = paragraph.get("Provides", "").strip().strip(",")
    names = [item.split()[0] for item in text.split(",") if item.strip()]
    return [name for name in names if "$" not in name]


def owners_of(sources: Iterable[SourcePackage]) -> dict[str, str]:
    """Return the source of each of our binaries, and of each name that they provide."""
    return {
        name: source.name for source in sources for name in (*source.provides, *source.binaries)
    }


def read_source(folder: Path) -> SourcePackage:
    """Return the SourcePackage whose debian/ lies in `folder`. Raises DebstackError."""
    where = os.fspath(folder.relative_to(ROOT)) if folder != ROOT else "."
    debian = folder / "debian"
    for needed in ("changelog", "source/format"):
        if not (debian / needed).is_file():
            raise DebstackError(
                f"{where}/debian/{needed}: missing", hint="a source package needs this file"
            )
    paragraphs = list(Deb822.iter_paragraphs((debian / "control").read_text(encoding="utf-8")))
    entry = Changelog((debian / "changelog").read_text(encoding="utf-8"), max_blocks=1)[0]
    layout = (debian / "source" / "format").read_text(encoding="utf-8").strip()
    if layout not in (_NATIVE, _QUILT):
        raise DebstackError(
            f"{where}/debian/source/format: expected {_NATIVE} or {_QUILT}, found {layout}"
        )
    if entry.package != paragraphs[0]["Source"]:
        raise DebstackError(
            f"{where}/debian/changelog: expected an entry of {paragraphs[0]['Source']}, "
            f"found {entry.package}"
        )
    return SourcePackage(
        name=paragraphs[0]["Source"],
        folder=folder,
        version=entry.version,
        distribution=str(entry.distributions),
        timestamp=_changelog_timestamp(entry),
        native=layout == _NATIVE,
        binaries=tuple(p["Package"] for p in paragraphs[1:]),
        provides=tuple(name for p in paragraphs[1:] for name in provided_names(p)),
        build_depends=_build_depends(paragraphs[0]),
    )


def find_sources() -> dict[str, SourcePackage]:
    """Return every source package of the tree by name: folders that hold debian/control."""
    folders = ("", "metapackages/", "image-builder/", "packages/*/", "packages/libs/*/")
    patterns = [f"{folder}debian" for folder in folders]
    controls = [file for pattern in patterns for file in sorted(ROOT.glob(f"{pattern}/control"))]
    found = [read_source(control.parent.parent) for control in controls]
    return {source.name: source for source in found}


def pick(sources: Mapping[str, SourcePackage], names: Sequence[str]) -> list[str]:
    """Return `names` if all are known sources; DebstackError with a suggestion otherwise."""
    for name in names:
        if name not in sources:
            raise DebstackError(f"no source package {name}{suggestion(name, list(sources))}")
    return list(names)


def applies(relation: Relation, profiles: Sequence[str]) -> bool:
    """Tell whether a relation counts on amd64 or arm64 alike with these build profiles."""
    lists = relation.get("restrictions") or []
    if not lists:
        return True
    return any(all((term.profile in profiles) == term.enabled for term in terms) for terms in lists)


def wanted_relations(source: SourcePackage, profiles: Sequence[str]) -> list[tuple[Relation, ...]]:
    """Return the build dependencies of `source` that count with `profiles`."""
    kept = []
    for group in source.build_depends:
        alternatives = tuple(relation for relation in group if applies(relation, profiles))
        if alternatives:
            kept.append(alternatives)
    return kept


def relation_text(group: Sequence[Relation]) -> str:
    """Return a group of alternatives as Build-Depends writes it, without profiles."""
    plain: Any = [[{**relation, "restrictions": None} for relation in group]]
    return PkgRelation.str(plain)


def needed_sources(
    source: SourcePackage, owners: Mapping[str, str], profiles: Sequence[str]
) -> set[str]:
    """Return the names of our sources whose binaries `source` build-depends on.

    `owners` maps each of our binaries to its source.
    """
    names = {
        owners[relation["name"]]
        for group in wanted_relations(source, profiles)
        for relation in group
        if relation["name"] in owners
    }
    return names - {source.name}


def _stage_files(source: SourcePackage, target: Path) -> None:
    """Copy the tree's files to `target` with modes that do not depend on anyone's umask."""
    for name, file in source.files().items():
        copy = target / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(file, copy, follow_symlinks=False)
        if not copy.is_symlink():
            copy.chmod(0o755 if file.stat().st_mode & 0o100 else 0o644)


def check_version(source: SourcePackage, series: Series) -> None:
    """Raise DebstackError unless the changelog has the version that the series pins."""
    if source.native:
        return
    pinned = series.sdist(source.name).version.replace("rc", "~rc")
    if source.upstream != pinned:
        raise DebstackError(
            f"{source.folder.relative_to(ROOT)}/debian/changelog: expected upstream version "
            f"{pinned} as in packages/series/{series.series}.toml, found {source.upstream}",
            hint="add a changelog entry for the new upstream version, or pin the old one",
        )


def make_dsc(source: SourcePackage, series: Series, folder: Path) -> Path:
    """Make the .dsc of `source` (and the files it lists) in `folder`; return its path."""
    check_version(source, series)
    tree = folder / "tree" / f"{source.name}-{source.upstream}"
    tree.mkdir(parents=True)
    if not source.native:
        sdist = fetch_sdist(source.name, series.sdist(source.name))
        orig = folder / f"{source.name}_{source.upstream}.orig.tar.gz"
        shutil.copyfile(sdist, orig)
        unpack = ["tar", "-xf", os.fspath(orig), "-C", os.fspath(tree), "--strip-components=1"]
        run([*unpack, "--no-same-owner"])
        shutil.rmtree(tree / "debian", ignore_errors=True)
    _stage_files(source, tree)
    run(
        ["dpkg-source", "--build", os.fspath(tree)],
        cwd=folder,
        env={"SOURCE_DATE_EPOCH": str(source.timestamp)},
    )
    shutil.rmtree(folder / "tree")
    return folder / f"{source.stem}.dsc"
