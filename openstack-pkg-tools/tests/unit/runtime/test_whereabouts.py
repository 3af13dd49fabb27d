# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from pathlib import Path

import pytest

from debstack.runtime.whereabouts import host_names, names_in, route_addresses, time_zone

HOSTS = """
127.0.0.1 localhost  # node is not meant here: node
10.0.0.4\tnode.example.org node
10.0.0.5 other node2
fd00::4 node cloud
garbage
"""


def test_a_machine_has_the_names_of_its_lines() -> None:
    assert names_in(HOSTS, "node") == ["node", "node.example.org", "cloud"]
    assert names_in(HOSTS, "nod") == ["nod"]
    assert names_in("", "node") == ["node"]


def test_names_and_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "node")
    monkeypatch.setattr(
        "debstack.runtime.whereabouts.route_addresses", lambda: iter(["10.0.0.4", "fd00::4"])
    )
    assert host_names(tmp_path) == "node,10.0.0.4,fd00::4"
    (tmp_path / "named/etc").mkdir(parents=True)
    (tmp_path / "named/etc/hosts").write_text(HOSTS)
    assert host_names(tmp_path / "named") == "node,node.example.org,cloud,10.0.0.4,fd00::4"


def test_no_route_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError("Network is unreachable")

    monkeypatch.setattr("socket.socket.connect", refuse)
    assert list(route_addresses()) == []


@pytest.mark.parametrize(
    ("link", "zone"),
    [
        ("/usr/share/zoneinfo/Europe/Paris", "Europe/Paris"),
        ("../usr/share/zoneinfo/Etc/UTC", "Etc/UTC"),
        ("/elsewhere/Paris", "UTC"),
        ("/usr/share/zoneinfo/", "UTC"),
        (None, "UTC"),
    ],
)
def test_the_time_zone_is_where_localtime_points(
    tmp_path: Path, link: str | None, zone: str
) -> None:
    (tmp_path / "etc").mkdir()
    if link:
        (tmp_path / "etc/localtime").symlink_to(link)
    assert time_zone(tmp_path) == zone
