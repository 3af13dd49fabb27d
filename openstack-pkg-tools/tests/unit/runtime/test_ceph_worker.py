# SPDX-License-Identifier: Apache-2.0
"""The process that logs in to Ceph, with a stand-in for Ceph's library."""

from __future__ import annotations

import importlib
import json
import sys
import types
from collections.abc import Callable
from typing import Any

import pytest


class LibraryError(Exception):
    """As rados.Error: with the number of the reason."""

    def __init__(self, text: str, number: int) -> None:
        super().__init__(text)
        self.errno = number


class Cluster:
    """As rados.Rados: logs in when it is entered."""

    made: dict[str, Any]
    refusal: LibraryError | None

    def __init__(self, **given: Any) -> None:
        type(self).made = given

    def __enter__(self) -> Cluster:
        if self.refusal:
            raise self.refusal
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def list_pools(self) -> list[str]:
        return ["vms", "images"]


Called = Callable[[LibraryError | None], dict[str, Any]]


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Called:
    """Return what runs the worker and reads what it prints."""
    library = types.ModuleType("rados")
    library.Rados, library.Error = Cluster, LibraryError  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "rados", library)
    name = "debstack.runtime.ceph.worker"
    monkeypatch.delitem(sys.modules, name, raising=False)
    worker = importlib.import_module(name)
    monkeypatch.delitem(sys.modules, name)

    def called(refusal: LibraryError | None) -> dict[str, Any]:
        Cluster.refusal = refusal
        assert worker.main(["cloud", "/etc/ceph/glance.conf", "10"]) == 0
        told: dict[str, Any] = json.loads(capsys.readouterr().out)
        return told

    return called


def test_pools_are_told_in_order_and_nothing_takes_longer_than_it_may(call: Called) -> None:
    assert call(None) == {"pools": ["images", "vms"]}
    assert Cluster.made == {
        "conffile": "/etc/ceph/glance.conf",
        "rados_id": "cloud",
        "conf": {"client_mount_timeout": "10", "rados_mon_op_timeout": "10"},
    }


def test_a_refusal_is_told_with_its_number(call: Called) -> None:
    assert call(LibraryError("error connecting", 13)) == {"errno": 13, "error": "error connecting"}
