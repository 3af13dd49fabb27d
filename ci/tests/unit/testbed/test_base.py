# SPDX-License-Identifier: Apache-2.0
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from pipeline.mirror import Mirror
from testbed import base
from testbed.places import cache

MIRROR = Mirror(
    uri="http://mirror.example/debian",
    pockets=(("-security", "http://mirror.example/security"),),
    settings=('Acquire::http::Proxy "http://proxy.example";',),
)


def test_the_base_comes_from_the_hosts_mirror_and_by_its_proxy() -> None:
    argv = base.mmdebstrap_argv(MIRROR, Path("/t"))
    assert argv[-4:] == [
        "trixie",
        "/t",
        "deb http://mirror.example/debian trixie main",
        "deb http://mirror.example/security trixie-security main",
    ]
    assert '--aptopt=Acquire::http::Proxy "http://proxy.example";' in argv
    assert argv.index("unshare") < argv.index("--kill-child") < argv.index("mmdebstrap")


@pytest.fixture
def fetches(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The apt commands that are run in roots, which write a list each."""
    commands: list[list[str]] = []

    @contextmanager
    def overlay(lower: list[Path]) -> Iterator[SimpleNamespace]:
        upper = scratch / f"upper{len(commands)}"

        def run(command: list[str], *, network: bool, check: bool) -> tuple[int, str]:
            commands.append(command)
            (upper / "var/lib/apt/lists").mkdir(parents=True)
            (upper / "var/lib/apt/lists/new").touch()
            (upper / "var/cache/apt").mkdir(parents=True)
            (upper / "etc").mkdir()
            return 0, ""

        yield SimpleNamespace(run=run, upper=upper)

    def copy(argv: list[object], *, cwd: Path) -> None:
        target = Path(str(argv[-1])) / "var/lib/apt/lists"
        target.mkdir(parents=True)
        (target / "new").touch()

    monkeypatch.setattr(base, "overlay", overlay)
    monkeypatch.setattr(base, "run", copy)
    return commands


def a_base(*, age_s: float) -> Path:
    path = cache() / "base-1"
    path.mkdir()
    os.utime(path, (time.time() - age_s, time.time() - age_s))
    return path


def test_the_lists_of_a_fresh_base_are_its_own(fetches: list[list[str]]) -> None:
    made = a_base(age_s=60)
    layer = base.ensure_lists(made)
    assert list(layer.iterdir()) == []
    assert base.ensure_lists(made) == layer
    assert fetches == []


def test_old_lists_are_fetched_anew_once(fetches: list[list[str]]) -> None:
    made = a_base(age_s=base.LISTS_AGE_S + 60)
    layer = base.ensure_lists(made)
    assert (layer / "var/lib/apt/lists/new").exists()
    assert base.ensure_lists(made) == layer
    assert fetches == [list(base.UPDATE)]


def test_lists_are_fetched_when_asked_for(fetches: list[list[str]]) -> None:
    made = a_base(age_s=60)
    before = base.ensure_lists(made)
    assert base.ensure_lists(made, refresh=True) != before
    assert len(fetches) == 1
