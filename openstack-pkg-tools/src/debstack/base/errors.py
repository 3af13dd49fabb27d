# SPDX-License-Identifier: Apache-2.0
"""The errors a user can cause or cure; anything else raised is a bug and ends in a traceback."""

from __future__ import annotations

from collections.abc import Sequence


class DebstackError(Exception):
    """An expected failure: what went wrong, and in `hint` what to do next."""

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Retriable:
    """Mixin: the cause may pass by itself (a server that is starting), so trying again helps."""


class SpecError(DebstackError):
    """A declaration that cannot be used; carries every problem found in it, one line each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


class CommandError(DebstackError):
    """A command that failed: argv (already masked), exit code and the last lines it printed."""

    def __init__(
        self, argv: Sequence[str], code: int, tail: Sequence[str], *, reason: str, hint: str | None
    ) -> None:
        body = "".join(f"\n    {line}" for line in tail)
        super().__init__(f"{reason}{body}", hint=hint)
        self.argv = tuple(argv)
        self.code = code
        self.tail = tuple(tail)


class AnswerError(DebstackError):
    """An answer that cannot be used; `question` is its debconf name."""

    def __init__(self, question: str, message: str, *, hint: str | None = None) -> None:
        super().__init__(f"{question}: {message}", hint=hint)
        self.question = question


class ConfigurationError(DebstackError):
    """A configuration file that cannot be written, or a key its service does not know."""


class DatabaseError(DebstackError):
    """The database server refused, or could not do, what was asked."""


class DatabaseUnavailable(DatabaseError, Retriable):
    """The database server could not be reached at all."""


class IdentityError(DebstackError):
    """Keystone refused, or could not do, what was asked."""


class IdentityUnavailable(IdentityError, Retriable):
    """Keystone could not be reached, or answered with a passing failure (502, 503, 504)."""


class MessagingError(DebstackError):
    """The message broker refused, or could not do, what was asked."""


class MessagingUnavailable(MessagingError, Retriable):
    """The message broker could not be reached at all."""


class AuthorityUnavailable(DebstackError, Retriable):
    """The cloud's authority for certificates could not be reached."""


class CephUnavailable(DebstackError, Retriable):
    """No monitor of Ceph answers."""


class CacheUnavailable(DebstackError, Retriable):
    """memcached could not be reached."""
