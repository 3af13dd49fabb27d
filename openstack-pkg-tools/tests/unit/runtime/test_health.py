# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from debstack.runtime import health
from debstack.runtime.health import problem, wait_until_good


class Handler(BaseHTTPRequestHandler):
    answers: list[int]

    def do_GET(self) -> None:
        answers = self.answers
        self.send_response(answers.pop(0) if len(answers) > 1 else answers[0])
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests' output is read."""


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with HTTPServer(("127.0.0.1", 0), Handler) as made:
        thread = threading.Thread(target=lambda: made.serve_forever(poll_interval=0.01))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.mark.parametrize(("status", "good"), [(200, True), (300, True), (404, False), (503, False)])
def test_what_counts_as_working(server: HTTPServer, status: int, good: bool) -> None:
    Handler.answers = [status]
    found = problem("127.0.0.1", server.server_port, "/healthcheck")
    assert (found is None) is good
    assert found is None or (found.answered and f"answers {status}" in found.told)


def test_it_is_waited_for(server: HTTPServer) -> None:
    Handler.answers = [503, 503, 200]
    place = ("127.0.0.1", server.server_port, "/")
    assert wait_until_good(*place, deadline_s=5, in_vain=lambda: False) == ""


def test_nobody_there() -> None:
    place = ("127.0.0.1", 1, "/")
    found = wait_until_good(*place, deadline_s=0, in_vain=lambda: False)
    assert "no answer at 127.0.0.1 port 1: " in found


def test_a_steady_error_is_not_waited_for(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_REFUSAL_S", 0.05)
    Handler.answers = [503]
    place = ("127.0.0.1", server.server_port, "/")
    found = wait_until_good(*place, deadline_s=3600, in_vain=lambda: False)
    assert found.endswith(" answers 503")


def test_what_has_died_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_LOOK_S", 0)
    asked: list[bool] = []

    def in_vain() -> bool:
        asked.append(True)
        return len(asked) == 3

    found = wait_until_good("127.0.0.1", 1, "/", deadline_s=3600, in_vain=in_vain)
    assert "no answer" in found
    assert len(asked) == 3
