# SPDX-License-Identifier: Apache-2.0
from collections.abc import Mapping
from types import TracebackType
from typing import Self

class Error(Exception): ...

class Rados:
    def __init__(
        self, *, conffile: str, rados_id: str, conf: Mapping[str, str] | None = None
    ) -> None: ...
    def __enter__(self) -> Self: ...
    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...
    def list_pools(self) -> list[str]: ...
