# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

import pytest

from debstack_image.cache import Cache, index_lock


def entry(cache: Cache, key: str, size: int, used: int) -> Path:
    archive = cache.folder / "base" / f"{key}.tar.zst"
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.write_bytes(bytes(size))
    archive.with_name(f"{key}.json").write_text("{}")
    os.utime(archive, (used, used))
    return archive


def test_what_was_used_longest_ago_goes_first(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    old, middle, new = (entry(cache, name, 100, n) for n, name in enumerate("abc"))
    cache.shrink(3 * 102)
    assert old.exists()
    cache.shrink(250)
    assert not old.exists()
    assert not (tmp_path / "base" / "a.json").exists()
    assert middle.exists()
    cache.shrink(0)
    assert not new.exists()


def index(cache: Cache, key: str, size: int, used: int) -> tuple[Path, Path]:
    """Make an index with one package and one list of that size; return them."""
    folder = cache.index(key)
    package, packages = folder / "cache" / "archives" / "a.deb", folder / "lib" / "lists" / "a"
    for path in (package, packages):
        path.parent.mkdir(parents=True)
        path.write_bytes(bytes(size))
    (folder / "apt.conf").touch()
    for path in (package, folder / "apt.conf"):
        os.utime(path, (used, used))
    return package, packages


def test_lists_count_by_the_time_that_their_index_was_used(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    old, new = index(cache, "old", 100, 1), index(cache, "new", 100, 2)
    cache.shrink(200)
    assert [path.exists() for path in (*old, *new)] == [False, False, True, True]


def test_what_another_build_is_using_stays(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    used, free = index(cache, "used", 100, 1), index(cache, "free", 100, 2)
    with cache.locked(index_lock("used")):
        cache.shrink(0)
    assert [path.exists() for path in (*used, *free)] == [True, True, False, False]


def test_half_an_archive_of_a_build_that_was_killed_goes(tmp_path: Path, commands: None) -> None:
    cache = Cache(tmp_path / "cache")
    half = cache.folder / "base" / "other.tar.part"
    half.parent.mkdir(parents=True)
    half.touch()
    source = tmp_path / "tree"
    source.mkdir()
    (source / "file").write_text("kept")
    cache.put("key", source)
    assert {path.name for path in half.parent.iterdir()} == {"key.tar.zst", "key.json"}
    assert cache.take("key", tmp_path / "again")
    assert (tmp_path / "again" / "file").read_text() == "kept"


def test_an_entry_without_its_mark_does_not_count(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    entry(cache, "a", 10, 1)
    (tmp_path / "base" / "a.json").unlink()
    assert not cache.take("a", tmp_path / "tree")


def test_an_entry_that_was_changed_goes(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    archive = entry(cache, "a", 10, 1)
    archive.with_name("a.json").write_text('{"sha256": "0"}')
    assert not cache.take("a", tmp_path / "tree")
    assert not archive.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}"])
def test_a_mark_that_is_none_is_no_entry(tmp_path: Path, text: str) -> None:
    cache = Cache(tmp_path)
    entry(cache, "a", 10, 1).with_name("a.json").write_text(text)
    assert not cache.take("a", tmp_path / "tree")


def test_two_want_one_lock(tmp_path: Path) -> None:
    import fcntl

    cache = Cache(tmp_path)
    with cache.locked("base"), (tmp_path / "locks" / "base").open("w") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held = True
        else:
            held = False
    assert held
