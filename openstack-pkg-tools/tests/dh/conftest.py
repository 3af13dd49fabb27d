# SPDX-License-Identifier: Apache-2.0
"""A clean root of the release that packages are built for, with the helpers of this tree in it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from debstack.base.run import run
from pipeline.root import Root, ensure_base, ensure_layer, overlay
from pipeline.series import current_series

HERE = Path(__file__).parent
TOOLKIT = HERE.parents[1]
TREE = HERE.parents[2]
RELATIONS = (
    "debhelper-compat (= 13)",
    "dpkg-dev",
    "gettext",
    "po-debconf",
    "python3-debian",
    "python3-jinja2",
    "python3-oslo.config",
)
#: Makes debhelper find the helpers of the tree, which are bound to /tree.
_INSTALL = """
set -eu
cp /tree/openstack-pkg-tools/dh/openstack.pm /usr/share/perl5/Debian/Debhelper/Sequence
cp /tree/openstack-pkg-tools/dh/dh_openstack* /usr/bin
"""
_BUILD = """
set -eu
cd "$1"
export PYTHONPATH=/tree/openstack-pkg-tools/src PYTHONDONTWRITEBYTECODE=1
export SOURCE_DATE_EPOCH=1795176000
exec dpkg-buildpackage --no-sign --build=binary --no-check-builddeps 2>&1
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A copy of the tiny source package, to be changed and built; `folder` is its parent."""

    folder: Path
    root: Root
    inside: str

    @property
    def tree(self) -> Path:
        """The unpacked source package."""
        return self.folder / "tiny"

    def write(self, files: Mapping[str, str]) -> None:
        """Write `files`, named below debian/."""
        for name, text in files.items():
            (self.tree / "debian" / name).write_text(text, encoding="utf-8")

    def replace(self, before: str, after: str) -> None:
        """Replace `before` in debian/openstack.toml."""
        path = self.tree / "debian" / "openstack.toml"
        text = path.read_text(encoding="utf-8")
        assert before in text
        path.write_text(text.replace(before, after), encoding="utf-8")

    def try_build(self) -> tuple[int, str]:
        """Build the binary packages; return dpkg-buildpackage's exit code and output."""
        return self.root.run(["sh", "-c", _BUILD, "sh", f"{self.inside}/tiny"], check=False)

    def build(self) -> None:
        """Build the binary packages, which has to work."""
        code, output = self.try_build()
        assert code == 0, output

    def extract(self, package: str) -> Path:
        """Return the folder that `package` and its DEBIAN/ were unpacked into."""
        folder = self.folder / f"{package}.d"
        if not folder.exists():
            run(["dpkg-deb", "--raw-extract", self.folder / f"{package}_1.0_all.deb", folder])
        return folder


@pytest.fixture(scope="session")
def build_root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Root, Path]]:
    """Give a root with the helpers installed, and the folder that is /sources in it."""
    sources = tmp_path_factory.mktemp("sources")
    log_path = tmp_path_factory.mktemp("log") / "log"
    base = ensure_base(current_series().suite)
    binds = {TOOLKIT: "/tree/openstack-pkg-tools", TREE / "debian": "/tree/debian"}
    binds[sources] = "/sources"
    layer = ensure_layer(base, RELATIONS, log_path)
    with overlay([layer, base.path], binds) as root:
        root.run(["sh", "-c", _INSTALL])
        yield root, sources


def _copy(build_root: tuple[Root, Path], name: str) -> Source:
    root, sources = build_root
    shutil.copytree(HERE / "tiny", sources / name / "tiny")
    return Source(folder=sources / name, root=root, inside=f"/sources/{name}")


@pytest.fixture
def source(build_root: tuple[Root, Path], request: pytest.FixtureRequest) -> Source:
    """Return a source package for one test."""
    return _copy(build_root, request.node.name)


@pytest.fixture(scope="session")
def built(build_root: tuple[Root, Path]) -> Source:
    """Return the source package as it is, built; tests only look at it."""
    made = _copy(build_root, "built")
    made.build()
    return made
