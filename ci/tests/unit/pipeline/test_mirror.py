# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from debstack.base.errors import DebstackError
from pipeline.mirror import Entry, Mirror, choose, read_entries

DEB822 = """\
Types: deb deb-src
# a comment between the fields
URIs: http://mirror.test/debian
Suites: bookworm bookworm-updates
Components: main contrib
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://mirror.test/security/
Suites: bookworm-security
Components: main

Enabled: no
Types: deb
URIs: http://disabled.test/debian
Suites: bookworm
Components: main

Types: deb-src
URIs: http://only-sources.test/debian
Suites: bookworm
Components: main
"""


def test_deb822_sources(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "debian.sources").write_text(DEB822)
    mirror = choose(read_entries(tmp_path), "bookworm")
    assert mirror.sources("trixie") == [
        "deb http://mirror.test/debian trixie main",
        "deb http://mirror.test/debian trixie-updates main",
        "deb http://mirror.test/security trixie-security main",
    ]


def test_one_line_sources(tmp_path: Path) -> None:
    (tmp_path / "sources.list").write_text(
        "# deb http://commented.test/debian bookworm main\n"
        "deb [arch=amd64 signed-by=/a/b.gpg] http://mirror.test/debian bookworm main # ours\n"
        "deb-src http://mirror.test/debian bookworm main\n"
    )
    assert choose(read_entries(tmp_path), "bookworm") == Mirror(uri="http://mirror.test/debian")


def test_files_that_apt_ignores_are_ignored(tmp_path: Path) -> None:
    (tmp_path / "sources.list.d").mkdir()
    (tmp_path / "sources.list.d" / "old.save").write_text("deb http://x.test/debian bookworm main")
    assert read_entries(tmp_path) == []


def entry(uri: str, suite: str, *components: str) -> Entry:
    return Entry(uri=uri, suite=suite, components=components)


def test_a_vendor_with_the_same_codename_is_not_taken_for_debian() -> None:
    entries = [
        entry("http://vendor.test/apt", "bookworm", "main"),
        entry("http://docker.test/apt", "bookworm", "stable"),
        entry("http://mirror.test/debian", "bookworm", "main"),
        entry("http://mirror.test/debian", "bookworm-updates", "main"),
    ]
    assert choose(entries, "bookworm").uri == "http://mirror.test/debian"


def test_mirror_list_file(tmp_path: Path) -> None:
    listing = tmp_path / "debian.list"
    listing.write_text("# mirrors\nhttp://first.test/debian/\tpriority:1\nhttp://second.test/d\n")
    entries = [entry(f"mirror+file://{listing}", "trixie", "main")]
    assert choose(entries, "trixie").uri == "http://first.test/debian"


def test_no_debian_at_all() -> None:
    with pytest.raises(DebstackError, match="expected an entry for Debian trixie main") as caught:
        choose([entry("http://mirror.test/debian", "sid", "main")], "trixie")
    assert caught.value.hint
