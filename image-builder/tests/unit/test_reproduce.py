# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from debstack_image import reproduce
from debstack_image.index import ImageError, Package
from debstack_image.manifest import Installed, render
from debstack_image.settings import Settings

DIGEST = "0" * 64


def written(path: Path, *packages: tuple[str, str, str]) -> Path:
    """Write a manifest of packages (name, version, checksum), and return its path."""
    installed = [
        Installed(
            name=name,
            version=version,
            architecture="all",
            source=name,
            source_version=version,
            digest=digest,
        )
        for name, version, digest in packages
    ]
    file = path / "then.manifest.json"
    file.write_text(render(installed, {}, {}))
    return file


def offered(name: str, version: str, digest: str = DIGEST) -> Package:
    return Package(name=name, version=version, architecture="all", digest=digest, size=1)


def test_the_versions_of_then_are_pinned(tmp_path: Path) -> None:
    file = written(tmp_path, ("a", "1:1", DIGEST))
    text = reproduce.preferences(Settings(reproduce=file))
    assert text == "Package: a\nPin: version 1:1\nPin-Priority: 1001\n"
    assert reproduce.preferences(Settings()) == ""


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("{", "not a manifest"),
        ('{"schema": 2}', "expected a manifest of schema 1"),
        ('{"schema": 1, "build": {}}', "expected a whole manifest"),
        ('{"schema": 1, "build": {}, "packages": [{"name": "a"}]}', "expected a whole manifest"),
        ('{"schema": 1, "build": {}, "packages": []}', "expected what its image was built with"),
    ],
)
def test_what_is_no_manifest_is_told(tmp_path: Path, content: str, expected: str) -> None:
    file = tmp_path / "manifest.json"
    file.write_text(content)
    with pytest.raises(ImageError, match=expected):
        reproduce.defaults_of(file)


def test_the_packages_of_then_are_those_of_now(tmp_path: Path) -> None:
    # What came by a hook has no checksum, and is not for the mirror to give.
    file = written(tmp_path, ("a", "1", DIGEST), ("hooked", "5", ""))
    reproduce.check(Settings(reproduce=file), [offered("a", "1")])
    reproduce.check(Settings(), [offered("a", "2")])


@pytest.mark.parametrize(
    ("packages", "line"),
    [
        ([offered("a", "2")], f"a:all: expected 1 {DIGEST}, the mirror has 2 {DIGEST}"),
        ([offered("a", "1", "f" * 64)], f"a:all: expected 1 {DIGEST}, the mirror has 1 {'f' * 64}"),
        ([], f"a:all: expected 1 {DIGEST}, the mirror has none"),
        (
            [offered("a", "1"), offered("b", "1")],
            f"b:all: expected none, the mirror has 1 {DIGEST}",
        ),
    ],
)
def test_other_packages_than_those_of_then_are_an_error(
    tmp_path: Path, packages: list[Package], line: str
) -> None:
    file = written(tmp_path, ("a", "1", DIGEST))
    with pytest.raises(ImageError) as caught:
        reproduce.check(Settings(reproduce=file), packages)
    head = f"{file}: the mirror does not have its packages"
    assert caught.value.message == f"{head}\n    {line}"


def test_a_hook_may_have_removed_packages_but_changes_no_version(tmp_path: Path) -> None:
    file = written(tmp_path, ("a", "1", DIGEST))
    settings = Settings(reproduce=file, hook_script=(tmp_path / "hook",))
    reproduce.check(settings, [offered("a", "1"), offered("removed", "1")])
    with pytest.raises(ImageError, match="expected 1"):
        reproduce.check(settings, [offered("a", "2")])
