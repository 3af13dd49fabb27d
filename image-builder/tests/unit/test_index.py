# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from debstack.base.errors import CommandError
from debstack.base.run import Result, run
from debstack_image.bootstrap import left_out, mmdebstrap_argv, supply_of, take_out
from debstack_image.index import Index, Package, _explained, digest_of, packages_of
from debstack_image.manifest import Installed, difference, load, render
from debstack_image.settings import Settings
from debstack_image.sources import Sources

PRINTED = """\
Reading package lists...
'http://deb.example.org/debian/pool/main/z/zlib/zlib1g_1.3_amd64.deb' zlib1g_1%3a1.3.dfsg-3_amd64.deb 88700 SHA256:abc
'http://deb.example.org/debian/pool/main/a/adduser/adduser_3.152_all.deb' adduser_3.152_all.deb 100 SHA256:def
"""  # noqa: E501


def test_packages_are_read_from_what_apt_prints() -> None:
    adduser, zlib = packages_of(PRINTED)
    assert (adduser.name, adduser.version, adduser.digest) == ("adduser", "3.152", "def")
    assert (zlib.version, zlib.architecture, zlib.size) == ("1:1.3.dfsg-3", "amd64", 88700)


def test_another_version_is_another_digest() -> None:
    packages = packages_of(PRINTED)
    assert digest_of(packages) == digest_of(list(packages))
    assert digest_of(packages) != digest_of(packages_of(PRINTED.replace("3.152", "3.153")))
    assert digest_of(packages) != digest_of(packages, "another setting")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("E: Unable to locate package nosuch", "packages: the mirror does not have"),
        ("E: Version '9' for 'less' was not found", "packages: the mirror does not have"),
        ("E: Release 'forky-backports' for 'a' was not found", "packages: the mirror does not"),
        ("E: The repository 'x' is not signed.", "mirror: its signature"),
        ("W: GPG error: x: NO_PUBKEY 0123", "mirror: its signature"),
        ("E: Release file for x is expired", "mirror: its index is past its date"),
        ("E: Failed to fetch x  Could not connect", "mirror: its index cannot be read"),
        ("E: Unable to correct problems, you have held broken packages.", "cannot be installed"),
    ],
)
def test_errors_of_apt_are_told_by_what_to_do(line: str, expected: str) -> None:
    error = _explained(CommandError(["apt-get"], 100, ["noise", line], reason="r", hint=None))
    assert expected in error.message
    assert line in error.message
    assert error.hint


def argv_of(settings: Settings, *wanted: str) -> list[str]:
    index = Index(Path("/cache/index"), Path("/cache/index/apt.conf"))
    return mmdebstrap_argv(settings, supply_of(index, Path("/w")), Path("/w/root"), wanted)


def test_the_bootstrap_uses_what_was_downloaded() -> None:
    argv = argv_of(Settings(architecture="amd64"), "less")
    assert argv[0] == "mmdebstrap"
    assert "--mode=root" in argv
    assert "--include=less" in argv
    assert argv[-3:] == ["", "/w/root", "/cache/index/etc/sources.list.d/build.sources"]


def test_apt_is_told_of_proxies_and_of_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: dict[str, str] = {}

    def run(_: list[str], **more: Any) -> Result:
        told.update(more["env"])
        return Result(code=0, stdout="", stderr="")

    monkeypatch.setattr("debstack_image.index.run", run)
    monkeypatch.setenv("http_proxy", "http://proxy.example.org:3128")
    monkeypatch.delenv("https_proxy", raising=False)
    monkeypatch.setenv("SECRET", "of the builder")
    Index.make(tmp_path, "amd64", Sources(build="", image="", settings=())).update()
    assert told["http_proxy"] == "http://proxy.example.org:3128"
    assert not told.keys() & {"SECRET", "https_proxy"}


def test_a_preseed_with_odd_names_is_quoted(tmp_path: Path) -> None:
    file = tmp_path / "it's; touch oops"
    file.touch()
    argv = argv_of(Settings(architecture="amd64", preseed=(file,)))
    assert any("'\"'\"'s; touch oops'" in item for item in argv)


def test_mmdebstrap_filters_nothing_itself() -> None:
    assert not [item for item in argv_of(Settings(minimal=True)) if "path-exclude" in item]


@pytest.mark.usefixtures("commands")
def test_what_is_left_out_is_taken_out_of_what_tar_unpacked(tmp_path: Path) -> None:
    root = tmp_path / "a root"
    files = ["man/man1/ls.1.gz", "doc/a/copyright", "locale/de/LC_MESSAGES/a.mo", "locale/de/else"]
    for name in files:
        (root / "usr" / "share" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "usr" / "share" / name).touch()
    run(["sh", "-c", take_out(Settings()), "sh", root])
    left = [name for name in files if (root / "usr" / "share" / name).exists()]
    assert left == ["man/man1/ls.1.gz", "doc/a/copyright", "locale/de/else"]
    run(["sh", "-c", take_out(Settings(minimal=True)), "sh", root])
    # dpkg, which unpacks once more, brings back what is excepted from being left out.
    left = [name for name in files if (root / "usr" / "share" / name).exists()]
    assert left == ["locale/de/else"]
    run(["sh", "-c", take_out(Settings(translations=True)), "sh", root])


def test_lists_are_narrowed_to_the_packages_of_the_image(tmp_path: Path) -> None:
    index = Index.make(tmp_path, "amd64", Sources(build="", image="", settings=()))
    (index.lists / "m_dists_t_InRelease").write_text("signed")
    entry = "Package: {}\nVersion: {}\nArchitecture: {}\nSize: 1\n"
    everything = [("a", "1", "all"), ("a", "2", "all"), ("ab", "1", "all"), ("c", "1:1", "amd64")]
    text = "\n".join(entry.format(*item) for item in everything)
    (index.lists / "m_dists_t_main_binary-amd64_Packages").write_text(text)
    odd = "Architecture: all\nPackage: d\nVersion: 1\n\n\nPackage: e\nVersion: 1\n"
    (index.lists / "._Packages").write_text(odd)
    known = [
        Package(name=name, version=version, architecture=architecture, digest="", size=1)
        for name, version, architecture in [everything[1], everything[3], ("d", "1", "all")]
    ]
    index.narrow(known, tmp_path / "narrow")
    found = {path.name: path.read_text() for path in (tmp_path / "narrow").iterdir()}
    assert found == {
        "m_dists_t_InRelease": "signed",
        "m_dists_t_main_binary-amd64_Packages": "\n".join(
            entry.format(*item) for item in (everything[1], everything[3])
        ),
        "._Packages": "Architecture: all\nPackage: d\nVersion: 1\n",
    }
    assert known[1].file == "c_1%3a1_amd64.deb"


def test_messages_of_the_language_asked_for_stay() -> None:
    assert left_out(Settings(translations=True)) == []
    lines = left_out(Settings(locale="de_DE.UTF-8"))
    assert "path-include=/usr/share/locale/de*/LC_MESSAGES/*.mo" in lines


def installed(name: str, version: str) -> Installed:
    return Installed(
        name=name,
        version=version,
        architecture="all",
        source=name,
        source_version=version,
        digest="0" * 64,
    )


def test_two_manifests_are_compared(tmp_path: Path) -> None:
    before = json.loads(render([installed("a", "1"), installed("b", "1")], {}, {}))
    after = json.loads(render([installed("b", "2"), installed("c", "1")], {}, {}))
    assert difference(before, after) == ["- a:all 1", "  b:all 1 -> 2", "+ c:all 1"]


def test_what_is_no_manifest_is_told(tmp_path: Path) -> None:
    file = tmp_path / "m.json"
    file.write_text('{"schema": 99}')
    with pytest.raises(Exception, match="expected a manifest of schema 1"):
        load(file)
