# SPDX-License-Identifier: Apache-2.0
"""What a step is: it reads reality, says what it would change, and changes just that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One difference between what is declared and what is.

    `summary` tells it in the present tense without any secret, for example
    `create database glance`. `perform` makes it so; done twice, it does no harm.
    """

    summary: str
    perform: Callable[[], None] = field(repr=False)


class Step(ABC):
    """A node of the graph. `id` is <kind>:<name>; `needs` holds the ids of steps that come first.

    A needed id that is not in the graph is ignored: without Keystone, nothing waits for it.
    """

    id: str
    needs: frozenset[str]
    #: Kinds of needed steps whose pending changes do not keep this one from reading reality.
    reads_past: frozenset[str] = frozenset({"files", "config", "server"})
    #: Whether it is begun only when nothing but such steps is left, unless one of those needs it:
    #: what it sets going is waited for by nobody, and would take the processors from the others.
    late: bool = False

    @abstractmethod
    def changes(self) -> Sequence[Change]:
        """Read reality and return what has to change, in order; empty if nothing. Changes nothing.

        Called when every needed step is satisfied. Raises DebstackError.
        """

    @abstractmethod
    def declared(self) -> Sequence[str]:
        """Return the summaries of all that this step would do on an empty machine.

        `debstack plan` shows them where a needed step has changes pending, so that reality
        cannot be read yet. Touches nothing, raises nothing.
        """
