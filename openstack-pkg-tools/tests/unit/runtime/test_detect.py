# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from debstack.base.errors import CommandError
from debstack.base.run import Result
from debstack.runtime import detect, kvm


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    found = (detect.volume_group, detect.openvswitch_datapath)
    for one in found:
        one.cache_clear()
    yield
    for one in found:
        one.cache_clear()


def test_what_is_no_kvm_does_not_run_guests(tmp_path: Path) -> None:
    assert not kvm.works(tmp_path / "none")
    (tmp_path / "file").write_text("")
    assert not kvm.works(tmp_path / "file")


@pytest.mark.parametrize(
    ("told", "name"),
    [("", ""), ("  100 small\n  300 large\n  200 other\n", "large"), ("  0 full\n", "")],
)
def test_the_volume_group_with_most_space(
    monkeypatch: pytest.MonkeyPatch, told: str, name: str
) -> None:
    monkeypatch.setattr(detect, "run", lambda *_a, **_k: Result(code=0, stdout=told, stderr=""))
    assert detect.volume_group() == name


def test_without_the_programs_nothing_is_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def missing(*_arguments: object, **_options: object) -> Result:
        raise CommandError(["vgs"], 127, [], reason="vgs: not found", hint=None)

    monkeypatch.setattr(detect, "run", missing)
    monkeypatch.setattr(detect, "OPENVSWITCH_MODULE", tmp_path / "none")
    assert detect.volume_group() == ""
    assert detect.openvswitch_datapath() == "netdev"
