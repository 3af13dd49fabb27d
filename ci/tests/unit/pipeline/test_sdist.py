# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from debstack.base.errors import DebstackError
from pipeline.index import Indexes
from pipeline.sdist import fetch_sdist
from pipeline.series import Sdist

CONTENT = b"upstream's source"
SUM = hashlib.sha256(CONTENT).hexdigest()
WRONG = "0" * 64


@pytest.fixture
def indexes(tmp_path: Path) -> Indexes:
    folder = tmp_path / "simple" / "project"
    folder.mkdir(parents=True)
    (folder / "project-1.0.tar.gz").write_bytes(CONTENT)
    return Indexes(urls=(f"{(tmp_path / 'simple').as_uri()}/",))


def pinned(sha256: str, file: str = "project-1.0.tar.gz") -> Sdist:
    return Sdist(version="1.0", file=file, sha256=sha256, project="Project")


def unreachable() -> Indexes:
    raise AssertionError("the index was asked although the cache is warm")


def test_fetched_once(indexes: Indexes) -> None:
    path = fetch_sdist("source", pinned(SUM), indexes=lambda: indexes)
    assert path.read_bytes() == CONTENT
    assert fetch_sdist("source", pinned(SUM), indexes=unreachable) == path


def test_wrong_sum_from_the_index_names_both(indexes: Indexes, cache: Path) -> None:
    with pytest.raises(DebstackError) as caught:
        fetch_sdist("source", pinned(WRONG), indexes=lambda: indexes)
    for part in (SUM, WRONG, "project-1.0.tar.gz", "file:///"):
        assert part in caught.value.message
    assert not [path for path in (cache / "sdists").rglob("*") if path.is_file()]


def test_damaged_cache_is_told_and_left_alone(indexes: Indexes) -> None:
    path = fetch_sdist("source", pinned(SUM), indexes=lambda: indexes)
    path.write_bytes(b"damaged")
    with pytest.raises(DebstackError) as caught:
        fetch_sdist("source", pinned(SUM), indexes=unreachable)
    assert SUM in caught.value.message
    assert hashlib.sha256(b"damaged").hexdigest() in caught.value.message
    assert str(path) in caught.value.message
    assert path.read_bytes() == b"damaged"


def test_a_file_that_the_project_lacks(indexes: Indexes) -> None:
    with pytest.raises(DebstackError, match="not this file"):
        fetch_sdist("source", pinned(SUM, "project-2.0.tar.gz"), indexes=lambda: indexes)
