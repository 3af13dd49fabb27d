# SPDX-License-Identifier: Apache-2.0
"""The tasks of this tree, for invoke: one module per theme, each task thin."""

from __future__ import annotations

import importlib
import importlib.util
from pathlib import Path

from invoke.collection import Collection

#: Modules of this package whose tasks have the module's name in front.
_THEMES = ("series", "package", "repo", "cloud")
#: Modules whose tasks stand at the top.
_TOP = ("build", "image", "test", "bench", "clean", "reference", "translations")


def _exists(name: str) -> bool:
    return Path(__file__).with_name(f"{name}.py").is_file()


def _namespace() -> Collection:
    top = Collection()
    for name in filter(_exists, _THEMES):
        top.add_collection(Collection.from_module(importlib.import_module(f"tasks.{name}")), name)
    for name in filter(_exists, _TOP):
        module = Collection.from_module(importlib.import_module(f"tasks.{name}"))
        for task in module.tasks.values():
            top.add_task(task)
    return top


namespace = _namespace()
