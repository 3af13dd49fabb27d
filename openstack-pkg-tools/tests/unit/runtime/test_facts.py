# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from debstack.runtime.facts import can_bind, gather, installed_servers, memory_mib


def put(root: Path, name: str, text: str = "") -> None:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_servers_are_found_by_their_programs(tmp_path: Path) -> None:
    assert installed_servers(tmp_path) == frozenset()
    put(tmp_path, "usr/sbin/mariadbd")
    put(tmp_path, "usr/lib/postgresql/17/bin/postgres")
    put(tmp_path, "usr/bin/memcached")
    assert installed_servers(tmp_path) == {"mariadb", "postgresql", "memcached"}


@pytest.mark.parametrize("limit", ["max", ""])
def test_memory_without_a_limit(tmp_path: Path, limit: str) -> None:
    put(tmp_path, "sys/fs/cgroup/memory.max", limit)
    assert memory_mib(tmp_path) == memory_mib(tmp_path / "absent") > 0


def test_memory_of_a_limited_container(tmp_path: Path) -> None:
    put(tmp_path, "sys/fs/cgroup/memory.max", f"{64 * 2**20}\n")
    assert memory_mib(tmp_path) == 64


def test_addresses_to_listen_at() -> None:
    assert can_bind("127.0.0.1")
    assert not can_bind("192.0.2.1")


def test_gathering_needs_no_mounted_proc(tmp_path: Path) -> None:
    found = gather(tmp_path, address=lambda: "10.0.0.4")
    assert found.primary_address == "10.0.0.4"
    assert found.cpus >= 1
    assert found.servers == frozenset()
