# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from benchmark import failure
from benchmark.figure import Figure, write
from debstack.base.errors import DebstackError
from debstack.base.run import Result
from tasks import bench


class Node:
    """A node that has something to say in its journal, and in a file."""

    name = "peer"

    def journal(self, *_: str) -> str:
        return "the journal's last line"

    def running(self) -> bool:
        return True

    def run(self, *_: Any, **__: Any) -> Result:
        return Result(code=0, stdout="==> /var/log/x.log <==", stderr="")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where logs go, and figures."""
    monkeypatch.setattr(failure, "FOLDER", tmp_path / "bench")
    monkeypatch.setattr(failure, "ROOT", tmp_path)
    monkeypatch.setattr(bench, "BUILD", tmp_path)
    return tmp_path / "bench"


def failing() -> list[Figure]:
    with failure.log_kept("peer", lambda: [Node()]):  # type: ignore[list-item]
        raise DebstackError("its command: exit code 1\n    what it said")


def test_what_a_peer_said_before_it_failed_is_kept_and_named(folder: Path, tmp_path: Path) -> None:
    folder.mkdir()
    (folder / "peer.log").write_text("of another run")
    (figure,) = failure.attempted("it", failing)
    assert (figure.name, figure.value, figure.log) == ("peer failed: it", None, "bench/peer.log")
    log = (tmp_path / figure.log).read_text()
    for line in ("    what it said", "the journal's last line", "==> /var/log/x.log <=="):
        assert f"\n{line}\n" in log
    assert "of another run" not in log
    write([figure], folder / "x.json")
    (written,) = json.loads((folder / "x.json").read_text())
    assert (written["value"], written["log"]) == (None, "bench/peer.log")


def test_what_the_peer_wrote_itself_stays_above_the_reason() -> None:
    with pytest.raises(failure.PeerError), failure.log_kept("builder"):
        failure.log_path("builder").write_text("its own output\n")
        raise DebstackError("exit code 1")
    assert failure.log_path("builder").read_text() == "its own output\nexit code 1\n"


def test_a_peer_that_works_leaves_no_log() -> None:
    failure.log_path("peer").write_text("of another run")
    with failure.log_kept("peer"):
        pass
    assert not failure.log_path("peer").exists()


def test_ours_is_told_and_the_next_part_measured_where_a_peer_fails(
    monkeypatch: pytest.MonkeyPatch, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def first(_: Path, peer: bool) -> Iterator[list[Figure]]:
        ours = [Figure(name="ours", value=1.0, unit="s")]
        yield ours
        if peer:
            yield [*ours, *failure.attempted("it", failing)]

    def second(_: Path, _peer: bool) -> Iterator[list[Figure]]:
        yield [Figure(name="of the next part", value=2.0, unit="s")]

    monkeypatch.setattr(bench, "_PARTS", {"first": first, "second": second})
    with pytest.raises(SystemExit) as ended:
        bench.bench.body(None)
    assert ended.value.code == 3
    told = capsys.readouterr()
    assert "of the next part" in told.out
    assert "bench/peer.log" in told.out
    assert "see bench/peer.log" in told.err
    names = [figure["name"] for figure in json.loads((folder / "first.json").read_text())]
    assert names == ["ours", "peer failed: it"]
    bench.bench.body(None, peer=False)
