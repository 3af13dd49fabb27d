# SPDX-License-Identifier: Apache-2.0
"""The system users that packages make, by their numbers."""

from __future__ import annotations

import pwd

from debstack.base.errors import ConfigurationError


def ids_of(user: str, what: object) -> tuple[int, int]:
    """Return the numbers of the system user `user` and of its group, whom `what` needs.

    Raises ConfigurationError where there is no such user.
    """
    try:
        entry = pwd.getpwnam(user)
    except KeyError as error:
        raise ConfigurationError(
            f"{what}: needs the system user {user}, and there is no such user",
            hint="systemd-sysusers makes it; then run: debstack apply",
        ) from error
    return entry.pw_uid, entry.pw_gid
