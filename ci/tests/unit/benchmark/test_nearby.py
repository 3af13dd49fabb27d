# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import http.client
from pathlib import Path
from typing import Any

import pytest

from benchmark import nearby
from debstack.base.errors import CommandError
from pipeline.mirror import Mirror

MIRROR = Mirror(
    uri="http://m.example.org/d",
    pockets=(("-updates", "http://m.example.org/d"), ("-security", "http://s.example.org/s")),
)


@pytest.fixture
def fetched(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was asked of the machine's mirror, which has all but what is called absent."""
    uris = []

    def run(argv: list[Any]) -> None:
        *_, uri, path = argv
        uris.append(uri)
        if "absent" in uri:
            raise CommandError([str(word) for word in argv], 100, [], reason="404", hint=None)
        path.write_text(f"from {uri}")

    monkeypatch.setattr(nearby, "run", run)
    monkeypatch.setattr(nearby, "host_mirror", lambda: MIRROR)
    return uris


def test_a_file_is_fetched_once_and_a_file_that_is_absent_too(
    tmp_path: Path, fetched: list[str]
) -> None:
    store = nearby.Store(tmp_path, nearby.places(MIRROR))
    for _ in range(2):
        found = store.ensure("/debian/pool/a_1%3a2.deb")
        assert found is not None
        assert found.read_text() == "from http://m.example.org/d/pool/a_1%3A2.deb"
        assert store.ensure("/debian-security/absent") is None
    assert fetched == [
        "http://m.example.org/d/pool/a_1%3A2.deb",
        "http://s.example.org/s/absent",
    ]


@pytest.mark.parametrize("path", ["/", "/etc/passwd", "/debian/../etc/passwd", "/debian"])
def test_nothing_else_of_the_machine_is_served(
    tmp_path: Path, fetched: list[str], path: str
) -> None:
    assert nearby.Store(tmp_path, nearby.places(MIRROR)).ensure(path) is None
    assert fetched == []


def test_it_is_a_mirror_for_whoever_asks(tmp_path: Path, fetched: list[str]) -> None:
    with nearby.nearby(tmp_path / "kept") as mirror:
        here = f"http://127.0.0.1:{mirror.port}"
        assert mirror.archive == f"{here}/debian"
        assert mirror.sources("t") == [
            f"deb {here}/debian t main",
            f"deb {here}/debian t-updates main",
            f"deb {here}/debian-security t-security main",
        ]
        asked = http.client.HTTPConnection("127.0.0.1", mirror.port)
        asked.request("GET", "/debian/dists/t/InRelease")
        assert asked.getresponse().read() == b"from http://m.example.org/d/dists/t/InRelease"
        asked.request("GET", "/debian-security/absent")
        assert asked.getresponse().status == 404
        asked.close()
    assert len(fetched) == 2
    assert not (tmp_path / "kept").exists()
