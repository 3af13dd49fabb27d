# SPDX-License-Identifier: Apache-2.0
from typing import Any

class Message:
    body: Any
    def __init__(self, body: str = "", **properties: Any) -> None: ...

class QueueDeclared:
    queue: str

class Channel:
    def queue_declare(
        self, queue: str = "", *, exclusive: bool = False, auto_delete: bool = True
    ) -> QueueDeclared: ...
    def basic_publish(self, msg: Message, exchange: str = "", routing_key: str = "") -> Any: ...
    def basic_get(self, queue: str = "", no_ack: bool = False) -> Message | None: ...
    def close(self) -> None: ...

class Connection:
    def __init__(
        self,
        host: str = ...,
        userid: str = ...,
        password: str = ...,
        *,
        virtual_host: str = ...,
        connect_timeout: float | None = None,
        read_timeout: float | None = None,
        write_timeout: float | None = None,
        login_method: str | None = None,
        ssl: bool | dict[str, Any] = False,
    ) -> None: ...
    def connect(self) -> None: ...
    def channel(self) -> Channel: ...
    def close(self) -> None: ...
