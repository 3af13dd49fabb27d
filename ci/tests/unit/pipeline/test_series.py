# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from debstack.base.errors import DebstackError, SpecError
from pipeline.series import read_series
from pipeline.tree import ROOT

HEAD = 'schema = 1\nseries = "1999.1"\ncodename = "Aardvark"\nsuite = "trixie"\n'
SOURCE = '[source.keystone]\nversion = "1.0"\nfile = "keystone-1.0.tar.gz"\nsha256 = "00"\n'


def write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "1999.1.toml"
    path.write_text(text)
    return path


def test_source_of_a_series(tmp_path: Path) -> None:
    series = read_series(write(tmp_path, HEAD + SOURCE))
    assert series.sdist("keystone").file == "keystone-1.0.tar.gz"
    assert series.project("keystone") == "keystone"


def test_unknown_source_has_a_suggestion(tmp_path: Path) -> None:
    series = read_series(write(tmp_path, HEAD + SOURCE))
    with pytest.raises(DebstackError, match='did you mean "keystone"'):
        series.sdist("keyston")


def test_all_problems_at_once(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        read_series(write(tmp_path, HEAD + '[source.keystone]\nversion = 1\nsha265 = "00"\n'))
    assert len(caught.value.problems) == 4
    assert any('did you mean "sha256"?' in problem for problem in caught.value.problems)


def test_unknown_series_names_those_there_are(tmp_path: Path) -> None:
    write(tmp_path, HEAD)
    with pytest.raises(DebstackError, match=r"known: 1999\.1"):
        read_series(tmp_path / "2000.1.toml")


@pytest.mark.parametrize("path", sorted((ROOT / "packages/series").glob("*.toml")), ids=str)
def test_real_series(path: Path) -> None:
    series = read_series(path)
    assert series.series == path.stem
    for source, sdist in series.source.items():
        assert len(sdist.sha256) == 64, source
        assert sdist.version in sdist.file, source
