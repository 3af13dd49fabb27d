# SPDX-License-Identifier: Apache-2.0
# What our tests use of pexpect, which has no types of its own; always with an encoding.
from collections.abc import Mapping, Sequence

class ExceptionPexpect(Exception): ...
class EOF(ExceptionPexpect): ...
class TIMEOUT(ExceptionPexpect): ...

class spawn:
    before: str | None
    after: str | type[ExceptionPexpect] | None
    exitstatus: int | None
    signalstatus: int | None
    def __init__(
        self,
        command: str,
        args: Sequence[str] = ...,
        timeout: float | None = ...,
        *,
        encoding: str,
        env: Mapping[str, str] | None = ...,
        dimensions: tuple[int, int] | None = ...,
    ) -> None: ...
    def expect(self, pattern: str | type[ExceptionPexpect]) -> int: ...
    def expect_exact(
        self,
        pattern_list: str | type[ExceptionPexpect] | Sequence[str | type[ExceptionPexpect]],
    ) -> int: ...
    def send(self, s: str) -> int: ...
    def sendline(self, s: str) -> int: ...
    def close(self, force: bool = ...) -> None: ...
