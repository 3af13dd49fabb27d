# SPDX-License-Identifier: Apache-2.0
"""An apt of our own, beside the machine's: reads a mirror's index, resolves, downloads.

Signatures are checked by apt itself; nothing is used that it has not accepted.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from debstack.base.errors import CommandError, DebstackError
from debstack.base.run import run
from debstack_image.machine_apt import PROXIES
from debstack_image.sources import Sources

_URI = re.compile(r"^'(?P<uri>[^']+)' (?P<file>\S+) (?P<size>\d+) (?P<hash>\S*)$", re.MULTILINE)
_NO_PACKAGE = re.compile(
    r"^E: (Unable to locate package .+|(?:Version|Release) .+ was not found|.+ has no .+)$"
)
_TIMEOUT_S = 3600.0


class ImageError(DebstackError):
    """An image cannot be built as asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """One package of an image, as the mirror's index has it; `digest` is its SHA-256."""

    name: str
    version: str
    architecture: str
    digest: str
    size: int

    @property
    def file(self) -> str:
        """The name that apt gives its file."""
        return f"{self.name}_{self.version.replace(':', '%3a')}_{self.architecture}.deb"


def packages_of(text: str) -> list[Package]:
    """Return the packages in what `apt-get --print-uris` printed, sorted by name."""
    found = []
    for match in _URI.finditer(text):
        name, version, architecture = match["file"].removesuffix(".deb").split("_")
        found.append(
            Package(
                name=name,
                version=unquote(version),
                architecture=architecture,
                digest=match["hash"].removeprefix("SHA256:"),
                size=int(match["size"]),
            )
        )
    return sorted(found, key=lambda package: (package.name, package.architecture))


def digest_of(packages: Iterable[Package], *more: str) -> str:
    """Return what names a set of packages: any other version of any of them changes it."""
    lines = [f"{p.name} {p.version} {p.architecture} {p.digest}" for p in packages]
    return hashlib.sha256("\n".join([*lines, *more]).encode()).hexdigest()


def stanzas(data: bytes, known: Collection[tuple[str, str, str]]) -> Iterator[bytes]:
    """Give the entries of an index's text that are for name, version, architecture of `known`.

    The text may be of fifty megabytes: only what has a known name is looked at closely.
    """
    names = {name.encode() for name, _, _ in known}
    data = b"\n\n" + data.rstrip(b"\n") + b"\n\n"
    for found in re.finditer(rb"\nPackage: ([^\n]+)", data):
        if found[1] in names:
            begin = data.rindex(b"\n\n", 0, found.start() + 1) + 2
            stanza = data[begin : data.index(b"\n\n", found.end()) + 1]
            fields = dict(re.findall(r"^(Version|Architecture): (.*)$", stanza.decode(), re.M))
            if (found[1].decode(), fields["Version"], fields["Architecture"]) in known:
                yield stanza


def apt_conf(folder: Path, architecture: str, sources: Sources, *options: str) -> str:
    """Return the configuration of an apt whose state is all in `folder`."""
    return "\n".join(
        [
            f'Dir "{folder}";',
            f'Dir::State::status "{folder}/status";',
            'Dir::Etc "etc";',
            'Dir::Etc::trusted "/dev/null";',
            'Dir::Etc::trustedparts "/dev/null";',
            f'APT::Architecture "{architecture}";',
            f'APT::Architectures {{ "{architecture}"; }};',
            'APT::Sandbox::User "root";',
            'APT::Get::AllowUnauthenticated "false";',
            'Acquire::Languages "none";',
            'Acquire::Retries "3";',
            'Acquire::GzipIndexes "false";',
            'Acquire::ForceHash "sha256";',
            'Acquire::http::Timeout "30";',
            *sources.settings,
            *options,
            "",
        ]
    )


def _explained(error: CommandError) -> ImageError:
    """Return an error of apt in our words, with apt's own lines below."""
    lines = [line for line in error.tail if line.startswith(("E:", "W:"))] or list(error.tail)
    text = "".join(f"\n    {line}" for line in lines)
    whole = "\n".join(lines)
    if any(_NO_PACKAGE.match(line) for line in lines):
        return ImageError(
            f"packages: the mirror does not have what was asked for{text}",
            hint="check the names; --components and --repository add further packages",
        )
    if re.search(r"NO_PUBKEY|not signed|BADSIG|EXPKEYSIG|Signing key|invalid signature", whole):
        return ImageError(
            f"mirror: its signature is not one of the expected keys{text}",
            hint="--keyring FILE names the keys of another archive",
        )
    if re.search(r"[Ee]xpired|not valid (yet|until|since)", whole):
        return ImageError(
            f"mirror: its index is past its date{text}",
            hint="an old snapshot is read with --no-check-valid-until",
        )
    if re.search(r"unmet dependencies|broken packages|Unable to correct", whole):
        return ImageError(
            f"packages: they cannot be installed together{text}",
            hint="leave one of them out, or add the source that has what they need",
        )
    return ImageError(
        f"mirror: its index cannot be read{text}",
        hint="check --mirror and --release; without --mirror it is that of this machine's apt",
    )


@dataclass(frozen=True, slots=True)
class Index:
    """A mirror's index below `folder`, for one architecture."""

    folder: Path
    conf: Path

    @classmethod
    def make(
        cls, folder: Path, architecture: str, sources: Sources, options: Sequence[str] = ()
    ) -> Index:
        """Prepare `folder`, which may have the lists of the last time."""
        for name in (
            "etc/apt.conf.d",
            "etc/preferences.d",
            "lib/lists/partial",
            "cache/archives/partial",
            "none/partial",
        ):
            (folder / name).mkdir(parents=True, exist_ok=True)
        (folder / "status").write_text("", encoding="utf-8")
        parts = folder / "etc" / "sources.list.d"
        parts.mkdir(exist_ok=True)
        (parts / "build.sources").write_text(sources.build, encoding="utf-8")
        conf = folder / "apt.conf"
        places = (f'Dir::State "{folder}/lib";', f'Dir::Cache "{folder}/cache";')
        conf.write_text(apt_conf(folder, architecture, sources, *places, *options))
        return cls(folder, conf)

    @property
    def preferences(self) -> Path:
        """Where apt's preferences are."""
        return self.folder / "etc" / "preferences.d"

    def prefer(self, text: str) -> None:
        """Let apt choose versions by `text`, which may be empty."""
        (self.preferences / "build.pref").write_text(text, encoding="utf-8")

    @property
    def lists(self) -> Path:
        """Where the index files are."""
        return self.folder / "lib" / "lists"

    @property
    def archives(self) -> Path:
        """Where downloaded packages are."""
        return self.folder / "cache" / "archives"

    def _apt(self, *arguments: str) -> str:
        try:
            return run(
                ["apt-get", "-q", *arguments],
                env={
                    "APT_CONFIG": str(self.conf),
                    "DEBIAN_FRONTEND": "noninteractive",
                    **{name: os.environ[name] for name in PROXIES if name in os.environ},
                },
                timeout_s=_TIMEOUT_S,
            ).stdout
        except CommandError as error:
            raise _explained(error) from error

    def update(self) -> None:
        """Fetch what has changed of the index. Raises ImageError."""
        self._apt("update", "--error-on=any")

    def resolve(self, wanted: Sequence[str]) -> list[Package]:
        """Return all packages that installing `wanted` into an empty system takes."""
        # apt leaves out what it has downloaded before: here it is shown a place where nothing is.
        elsewhere = f"--option=Dir::Cache::archives={self.folder}/none/"
        command = ["-y", "--print-uris", elsewhere, "install", "?essential", *wanted]
        return packages_of(self._apt(*command))

    def download(self, wanted: Sequence[str]) -> None:
        """Fetch the packages that installing `wanted` takes; those that are there stay."""
        self._apt("-y", "--download-only", "install", "?essential", *wanted)

    def use(self, packages: Iterable[Package]) -> None:
        """Let the time of downloaded packages be that of their use; apt gives them the mirror's."""
        for package in packages:
            os.utime(self.archives / package.file)

    def narrow(self, packages: Sequence[Package], target: Path) -> None:
        """Write to the folder `target` lists that have `packages` and nothing else.

        Each run of an apt without a cache of its own reads its lists; with these it has no choice
        of versions, and takes no second.
        """
        known = {(p.name, p.version, p.architecture) for p in packages}
        target.mkdir()
        for path in sorted(self.lists.glob("*Release")):
            shutil.copyfile(path, target / path.name)
        for path in sorted(self.lists.glob("*Packages")):
            (target / path.name).write_bytes(b"\n".join(stanzas(path.read_bytes(), known)))
