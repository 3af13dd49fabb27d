# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest
from debian.debian_support import Version as DebianVersion
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.version import Version

from pipeline.archive import PythonArchive, parse_pydist, upstream_version
from pipeline.missing import missing_libraries, oldest, sdist_version, table
from pipeline.requirements import parse_requirements

ARCHIVE = PythonArchive(
    python=Version("3.13.5"),
    versions={
        "python3-jwt": DebianVersion("2.10.1-2"),
        "python3-oslo.config": DebianVersion("1:9.7.1-3"),
        "python3-os-traits": DebianVersion("3.4.0-1"),
        "tzdata": DebianVersion("2025b-4"),
    },
    packages=parse_pydist("PyJWT python3-jwt\na broken line\noslo.config python3-oslo.config"),
)
#: What the libraries on the index require.
INDEX: Mapping[str, Mapping[str, Sequence[str]]] = {
    "os-traits": {"3.5.0": [], "3.6.0": ["oslo.config>=10.2.0"], "3.7.0": ["wrong>=1"]},
    "oslo-config": {"10.0.0": [], "10.2.0": ["PyJWT>=2"]},
}


def fetch(project: str, specifiers: SpecifierSet) -> tuple[Version, Path]:
    version = oldest(map(Version, INDEX[project]), specifiers)
    assert version is not None
    return version, Path(project, str(version))


def read(path: Path) -> list[Requirement]:
    return [Requirement(text) for text in INDEX[path.parent.name][path.name]]


def find(*texts: str) -> dict[str, str]:
    roots = {"root 1.0": [Requirement(text) for text in texts]}
    return {m.package: m.version for m in missing_libraries(roots, ARCHIVE, fetch, read)}


def test_nothing_is_missing() -> None:
    assert find("PyJWT>=2.4", "oslo.config!=4.3.0,>=6.8.0", "tzdata>=2022.4") == {}


def test_what_a_missing_library_needs_is_missing_too() -> None:
    assert find("os_traits>=3.6.0") == {
        "python3-os-traits": "3.6.0",
        "python3-oslo.config": "10.2.0",
    }


def test_demands_of_all_are_met() -> None:
    assert find("os-traits>=3.5.0", "os-traits!=3.5.0")["python3-os-traits"] == "3.6.0"


def test_who_wants_it_and_what_is_packaged() -> None:
    roots = {
        "nova 1": [Requirement("os-traits>=3.5.0")],
        "easy 1": [Requirement("os-traits>=1")],
    }
    (found,) = missing_libraries(roots, ARCHIVE, fetch, read, {"python3-os-traits": "3.5.0"})
    assert found.wanted_by == ("nova 1",)
    assert found.needed == ">=3.5.0"
    assert found.packaged == "3.5.0"
    assert "os-traits" in table([found]).splitlines()[1]


@pytest.mark.parametrize(
    ("debian", "upstream"),
    [
        ("1:9.7.1-3", "9.7.1"),
        ("2.0~rc1-1", "2.0rc1"),
        ("1.2+dfsg1-4", "1.2"),
        ("5.0+really4.9-1", "4.9"),
        ("0.9.git20240101-1", "0.9"),
        ("2025b-4", "2025b0"),
        ("20240101gabc-1", "20240101"),
    ],
)
def test_upstream_version_of_a_debian_version(debian: str, upstream: str) -> None:
    assert upstream_version(DebianVersion(debian)) == Version(upstream)


def test_markers_and_comments() -> None:
    lines = [
        "# a comment",
        "pbr>=2.0 # Apache",
        "old; python_version<'3.8'",
        "new; python_version>='3.12'",
        "extra; extra == 'test'",
        "windows; sys_platform=='win32'",
        "-r other.txt",
    ]
    found = parse_requirements(lines, Version("3.13.5"), "sdist")
    assert [requirement.name for requirement in found] == ["pbr", "new"]


@pytest.mark.parametrize(
    ("file", "version"),
    [
        ("os_traits-3.6.0.tar.gz", Version("3.6.0")),
        ("os-traits-3.6.0.zip", Version("3.6.0")),
        ("os_traits-3.6.0-py3-none-any.whl", None),
        ("other-3.6.0.tar.gz", None),
    ],
)
def test_version_in_the_name_of_an_sdist(file: str, version: Version | None) -> None:
    assert sdist_version(file, "os-traits") == version
