# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from debstack.base.errors import CacheUnavailable
from debstack.runtime.steps.cache import MemcachedStep, empty_caches


@contextmanager
def answering(answer: bytes, heard: list[bytes] | None = None) -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            connection, _ = server.accept()
            with connection:
                text = connection.recv(64)
                if heard is not None:
                    heard.append(text)
                connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"127.0.0.1:{server.getsockname()[1]}"
        thread.join()


def test_a_memcached_that_answers_needs_nothing() -> None:
    with answering(b"VERSION 1.6.38\r\n") as place:
        assert MemcachedStep([place]).changes() == []


def test_something_else_on_the_port_is_told() -> None:
    with (
        answering(b"AMQP\r\n") as place,
        pytest.raises(CacheUnavailable, match="expected its version, found 'AMQP'"),
    ):
        MemcachedStep([place]).changes()


def test_nobody_on_the_port_is_told_with_the_remedy() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        place = f"127.0.0.1:{server.getsockname()[1]}"
    with pytest.raises(CacheUnavailable, match="cannot be reached") as told:
        MemcachedStep([place]).changes()
    assert "systemctl start memcached" in (told.value.hint or "")


def test_a_cache_is_emptied_and_one_that_is_down_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        down = f"127.0.0.1:{server.getsockname()[1]}"
    heard: list[bytes] = []
    with answering(b"OK\r\n", heard) as place:
        empty_caches([down, place])
    assert heard == [b"flush_all\r\n"]
    assert "cannot be reached" in caplog.text
