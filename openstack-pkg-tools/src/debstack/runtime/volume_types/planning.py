# SPDX-License-Identifier: Apache-2.0
"""From the volume types that Cinder has to those that are missing. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from debstack.base.errors import AnswerError

DEFAULT = "default-volume-type"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The types that there are to be; the questions begin with `prefix`."""

    prefix: str
    #: The back ends that this machine keeps volumes in.
    used: tuple[str, ...] = ()
    #: Those that a machine of the cloud may keep volumes in.
    known: frozenset[str] = frozenset()
    #: The type that is answered for volumes for which nobody names one.
    default: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """The types to make where they are missing, each once: they are called as back ends are.

        The default one too: the machine that keeps such volumes may come later.
        """
        default = (self.default,) if self.default in self.known else ()
        return tuple(dict.fromkeys([*self.used, *default]))


def plan(found: Collection[str], wanted: Wanted) -> list[str]:
    """Return the names of the types that have to be made; `found` are those that there are.

    What there is stays as it is, whoever made it. Raises AnswerError for a default that is no type.
    """
    missing = [name for name in wanted.names if name not in found]
    if wanted.default and wanted.default not in (*found, *missing):
        raise AnswerError(
            f"{wanted.prefix}/{DEFAULT}",
            f"there is no volume type {wanted.default}; there are {', '.join(sorted(found))}",
            hint="answer one of these, or make it: openstack --os-cloud admin volume type create"
            f" {wanted.default}; then run: debstack apply",
        )
    return missing
