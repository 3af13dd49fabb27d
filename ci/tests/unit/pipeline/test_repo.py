# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest
from debian.deb822 import Deb822

from pipeline import repo
from pipeline.series import Series

SERIES = Series(schema=1, series="2026.1", codename="Gazpacho", suite="trixie")


def test_release_has_strong_sums_only() -> None:
    argv = repo.release_argv(SERIES, Path("/dist"))
    assert argv[-2:] == ["release", "/dist"]
    for weak in ("MD5", "SHA1"):
        assert f"-oAPT::FTPArchive::Release::{weak}=false" in argv
    assert "-oAPT::FTPArchive::Release::Suite=trixie-gazpacho" in argv


def test_source_for_another_machine_holds_the_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repo, "BUILD", tmp_path)
    (tmp_path / "repo").mkdir()
    (tmp_path / "repo" / repo.KEYRING).write_text("-----BEGIN-----\n\nabc=\n-----END-----\n")
    paragraph = Deb822(repo.sources_text(SERIES, "http://host.test/repo"))
    assert paragraph["URIs"] == "http://host.test/repo"
    assert paragraph["Suites"] == "trixie-gazpacho"
    assert paragraph["Signed-By"] == "\n -----BEGIN-----\n .\n abc=\n -----END-----"
