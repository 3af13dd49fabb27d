# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from invoke.context import Context

from benchmark import image
from tasks import bench


@pytest.fixture(autouse=True)
def memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return what stands for the file system in memory."""
    path = tmp_path / "memory"
    path.mkdir()
    monkeypatch.setattr(image, "_MEMORY", path)
    return path


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Let signals end the process: who starts it in a background, or by nohup, has some ignored."""
    wanted: dict[signal.Signals, Any] = {
        signal.SIGINT: signal.default_int_handler,
        signal.SIGTERM: signal.SIG_DFL,
        signal.SIGHUP: signal.SIG_DFL,
    }
    before = {number: signal.signal(number, handler) for number, handler in wanted.items()}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("interruptible")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_bench_that_is_told_to_end_leaves_nothing_in_memory(
    memory: Path, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    places: list[Path] = []

    def end(mirror: Path) -> None:
        (mirror.parent / "file").touch()
        places.extend(memory.iterdir())
        os.kill(os.getpid(), number)

    monkeypatch.setattr(image, "nearby", end)
    with pytest.raises(SystemExit) as caught:
        bench.bench.body(Context(), part="image")
    assert caught.value.code == 130
    assert len(places) == 1
    assert list(memory.iterdir()) == []


def test_what_a_bench_that_was_killed_left_goes(memory: Path) -> None:
    dead, alive = memory / f"{2**30}.bench-image-x", memory / f"{os.getpid()}.bench-image-y"
    for path in (dead, alive, memory / "else"):
        path.mkdir()
    with image._place() as place:
        assert place.parent == memory
        assert set(memory.iterdir()) == {alive, memory / "else", place}
    assert set(memory.iterdir()) == {alive, memory / "else"}


def test_the_build_that_is_measured_ends_in_order_with_the_bench(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = f"trap 'rm {tmp_path}/made; exit' TERM; >{tmp_path}/made; while :; do sleep 0.02; done"

    def interrupted(_: Path) -> int:
        if (tmp_path / "made").exists():
            raise KeyboardInterrupt
        return 0

    monkeypatch.setattr(image, "python_argv", lambda _: (["sh", "-c", script], {}))
    monkeypatch.setattr(image, "_used", interrupted)
    with pytest.raises(KeyboardInterrupt):
        image._build(tmp_path, tmp_path)
    assert not (tmp_path / "made").exists()
