# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path

from debstack_image.cache import Cache


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
    cache.shrink(300)
    assert old.exists()
    cache.shrink(250)
    assert not old.exists()
    assert not (tmp_path / "base" / "a.json").exists()
    assert middle.exists()
    cache.shrink(0)
    assert not new.exists()


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


def test_a_mark_that_is_no_json_is_no_entry(tmp_path: Path) -> None:
    cache = Cache(tmp_path)
    entry(cache, "a", 10, 1).with_name("a.json").write_text("{")
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
