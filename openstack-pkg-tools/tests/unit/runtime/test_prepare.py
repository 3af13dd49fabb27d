# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from types import SimpleNamespace

import pytest

from debstack.runtime import apply, defer
from debstack.runtime.step import Change


class Server:
    """A server that has to be told of its file once that is written, and no sooner."""

    id = "server:broker"

    def __init__(self) -> None:
        self.done: list[str] = []

    def file_changes(self) -> list[Change]:
        return [Change(summary="write", perform=partial(self.done.append, "write"))]

    def early_changes(self) -> list[Change]:
        tell = Change(summary="tell", perform=partial(self.done.append, "tell"))
        return [tell] if self.done else []


@pytest.mark.parametrize(("reason", "done"), [("", ["write", "tell"]), ("a chroot", ["write"])])
def test_what_runs_is_told_of_what_has_just_been_written(
    monkeypatch: pytest.MonkeyPatch, reason: str, done: list[str]
) -> None:
    server = Server()
    monkeypatch.setattr(apply, "require_root", lambda: None)
    monkeypatch.setattr(apply, "single_apply", nullcontext)
    monkeypatch.setattr(
        apply, "read_machine", lambda *_root, in_dpkg: SimpleNamespace(context=lambda: in_dpkg)
    )
    monkeypatch.setattr(apply, "server_steps", lambda _context, *, early: [server] if early else [])
    monkeypatch.setattr(defer, "reason", lambda: reason)
    assert apply.prepare() == 0
    assert server.done == done
