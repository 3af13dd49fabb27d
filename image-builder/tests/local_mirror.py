# SPDX-License-Identifier: Apache-2.0
"""A mirror in a folder: those packages that one image is made of, signed by a key of its own."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from debstack.base.run import run
from debstack_image.index import Index, Package
from debstack_image.packages import priority_pattern, wanted_packages
from debstack_image.settings import Settings
from debstack_image.sources import plan_sources


@dataclass(frozen=True, slots=True)
class LocalMirror:
    """Its folder, and the file with the key that signed it."""

    folder: Path
    key: Path

    @property
    def arguments(self) -> list[str]:
        """What makes the program build from it, and leave another name in the image."""
        return [
            *("--mirror", f"file:{self.folder}", "--no-pockets", "--keyring", os.fspath(self.key)),
            *("--image-mirror", "http://deb.example.org/debian"),
        ]


def _stanzas(lists: Path, known: list[Package]) -> Iterator[str]:
    """Give what the index has of the packages, with the place that they have here."""
    wanted = {(p.name, p.version, p.architecture) for p in known}
    for path in sorted(lists.glob("*_Packages")):
        for stanza in path.read_text(encoding="utf-8").split("\n\n"):
            fields = dict(re.findall(r"^(Package|Version|Architecture): (.*)$", stanza, re.M))
            key = (fields.get("Package"), fields.get("Version"), fields.get("Architecture"))
            if key in wanted:
                wanted.discard(key)
                name = re.search(r"^Filename: .*/(.*)$", stanza, re.M)
                assert name is not None
                yield re.sub(r"^Filename: .*$", f"Filename: pool/{name[1]}", stanza, flags=re.M)
    assert not wanted, wanted


def make_key(folder: Path) -> tuple[list[str], Path]:
    """Return a gpg that has a new key, and the file with its public half."""
    home = folder / "gpg"
    home.mkdir(mode=0o700)
    gpg = ["gpg", "--homedir", str(home), "--batch", "--yes", "--passphrase", ""]
    run([*gpg, "--quick-generate-key", "mirror", "ed25519", "sign", "never"])
    key = folder / "mirror.gpg"
    run([*gpg, "--output", key, "--export", "mirror"])
    return gpg, key


def make_local_mirror(folder: Path, settings: Settings) -> LocalMirror:
    """Fill `folder` with the packages of an image, from the mirror of this machine."""
    index = Index.make(
        folder / "index",
        settings.architecture,
        plan_sources(settings),
        ('APT::Install-Recommends "false";',),
    )
    wanted = [*priority_pattern(settings), *wanted_packages(settings)]
    index.update()
    known = index.resolve(wanted)
    index.download(wanted)
    place = folder / "dists" / settings.release / "main" / f"binary-{settings.architecture}"
    place.mkdir(parents=True)
    (folder / "pool").mkdir()
    for stanza in (text := list(_stanzas(index.lists, known))):
        fields = dict(re.findall(r"^(Package|Version|Architecture|Filename): (.*)$", stanza, re.M))
        version = fields["Version"].replace(":", "%3a")
        stored = f"{fields['Package']}_{version}_{fields['Architecture']}.deb"
        (index.archives / stored).rename(folder / fields["Filename"])
    packages = place / "Packages"
    packages.write_text("\n\n".join(text) + "\n", encoding="utf-8")
    dist = place.parent.parent
    gpg, key = make_key(folder)
    sign_release(gpg, dist, settings.release, settings.architecture, [packages])
    run(["chmod", "-R", "a+rX", folder])
    return LocalMirror(folder, key)


def sign_release(
    gpg: list[str], dist: Path, suite: str, architecture: str, indexes: list[Path]
) -> None:
    """Write the signed InRelease of `dist`, which says what its index files have to be."""
    release = dist / "Release"
    date = run(["date", "--utc", "--rfc-email"]).stdout.strip().replace("+0000", "UTC")
    sums = [(hashlib.sha256(p.read_bytes()).hexdigest(), p.stat().st_size, p) for p in indexes]
    lines = [f" {digest} {size} {path.relative_to(dist)}" for digest, size, path in sums]
    release.write_text(
        f"Origin: Debian\nSuite: {suite}\nCodename: {suite}\nDate: {date}\n"
        f"Architectures: {architecture}\nComponents: main\nSHA256:\n" + "\n".join(lines) + "\n",
        encoding="utf-8",
    )
    run([*gpg, "--output", dist / "InRelease", "--clearsign", release])
    run(["gpgconf", "--homedir", gpg[2], "--kill", "all"])
    release.unlink()


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository of a third party: its folder, the gpg that signs it, its source for apt."""

    pool: Path
    gpg: list[str]
    source: Path

    def offer(self, package: str, *versions: str) -> None:
        """Have these versions of a package, and nothing else."""
        for path in self.pool.iterdir():
            path.unlink()
        for version in versions:
            tree = self.source.parent / f"tree-{version}"
            (tree / "DEBIAN").mkdir(parents=True, exist_ok=True)
            (tree / "DEBIAN" / "control").write_text(
                f"Package: {package}\nVersion: {version}\nArchitecture: all\n"
                "Maintainer: Them <them@example.org>\nDescription: of a third party\n",
                encoding="utf-8",
            )
            file = self.pool / f"{package}_{version}_all.deb"
            # The same file whenever it is made, as in a repository that keeps it.
            epoch = {"SOURCE_DATE_EPOCH": "1700000000"}
            run(["dpkg-deb", "--root-owner-group", "--build", tree, file], env=epoch)
        index = self.pool / "Packages"
        text = run(["apt-ftparchive", "packages", "."], cwd=self.pool).stdout
        index.write_text(text, encoding="utf-8")
        sign_release(self.gpg, self.pool, "them", "all", [index])
        run(["chmod", "-R", "a+rX", self.source.parent])


def make_repository(folder: Path, package: str) -> Repository:
    """Make a repository that has version 1.0 of a package."""
    pool, source = folder / "repository", folder / "them.sources"
    pool.mkdir()
    gpg, key = make_key(folder)
    source.write_text(
        f"Types: deb\nURIs: file:{pool}\nSuites: ./\nSigned-By: ./{key.name}\n", encoding="utf-8"
    )
    repository = Repository(pool, gpg, source)
    repository.offer(package, "1.0")
    return repository
