# SPDX-License-Identifier: Apache-2.0
"""Sends planned requests, those of a phase at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from debstack.base.errors import IdentityUnavailable
from debstack.runtime.keystone.planning import Action, Ref
from debstack.runtime.keystone.session import Conflict, Keystone, quoted_path
from debstack.runtime.keystone.snapshot import THREADS


class Performer:
    """Performs actions in any order within a phase; each is sent once, however often asked.

    At most `writers` of them are on their way at the same time.
    """

    def __init__(
        self,
        keystone: Keystone,
        actions: Sequence[Action],
        ids: Mapping[Ref, str],
        *,
        writers: int = THREADS,
    ) -> None:
        self._keystone = keystone
        self._writers = writers
        self._actions = actions
        self._ids = dict(ids)
        self._sent: dict[int, Future[None]] = {}

    def perform(self, index: int) -> None:
        """Perform the action at `index`, and those of its phase with it. Raises IdentityError."""
        if index not in self._sent:
            phase = self._actions[index].phase
            # A password costs Keystone a quarter of a second: ten users must not add up.
            with ThreadPoolExecutor(max_workers=self._writers) as pool:
                for number, action in enumerate(self._actions):
                    if action.phase == phase and number not in self._sent:
                        self._sent[number] = pool.submit(self._send, action)
        self._sent[index].result()

    def _send(self, action: Action) -> None:
        path = quoted_path(*(str(self._resolved(part)) for part in action.path))
        body = self._resolved(action.body)
        try:
            answer = self._keystone.request(action.method, path, body)
        except (Conflict, IdentityUnavailable) as error:
            if action.method != "POST":
                raise
            # Somebody else has made it since; or the connection broke before the answer came.
            answer = self._found(action)
            if answer is None and isinstance(error, Conflict):
                raise
            if answer is None:
                answer = self._keystone.request(action.method, path, body)
        if action.yields is not None:
            (made,) = answer.values()
            self._ids[action.yields] = made["id"]

    def _found(self, action: Action) -> dict[str, Any] | None:
        filters = {key: str(self._resolved(value)) for key, value in action.lookup.items()}
        found = self._keystone.list(str(action.path[0]), **filters)
        return {"found": found[0]} if found else None

    def _resolved(self, value: Any) -> Any:
        if isinstance(value, Ref):
            return self._ids[value]
        if isinstance(value, Mapping):
            return {key: self._resolved(item) for key, item in value.items()}
        return value
