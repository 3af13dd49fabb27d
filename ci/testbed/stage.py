# SPDX-License-Identifier: Apache-2.0
"""Stages: the state of a switched-off node under a name, to make new nodes from."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from pathlib import Path

from testbed.base import new_layer
from testbed.machine import Machine
from testbed.places import (
    STATE,
    TestbedError,
    cache,
    check_name,
    read_json,
    remove_tree,
    write_json,
)


def _record(name: str) -> Path:
    return cache("stages") / f"{check_name('stage', name)}.json"


def layers_of(name: str) -> tuple[Path, ...]:
    """Return the layers of the stage `name`, uppermost first; raises TestbedError."""
    content = read_json(_record(name))
    layers = tuple(Path(path) for path in content or ())
    if not layers or not all(path.is_dir() for path in layers):
        raise TestbedError(
            f"stage {name}: not found",
            hint="see which there are: python3 -m testbed stages",
        )
    return layers


def exists(name: str) -> bool:
    """Return whether a node can be made from the stage `name`."""
    content = read_json(_record(name))
    return bool(content) and all(Path(path).is_dir() for path in content)


def stages() -> list[str]:
    """Return the names of all stages."""
    return sorted(path.stem for path in cache("stages").glob("*.json"))


def snapshot(node: Machine, name: str) -> None:
    """Save the state of the switched-off `node` as the stage `name`.

    The node's own layer becomes a layer of the stage, and the node goes on over it with an empty
    one, so that this takes no time whatever the node holds. A stage of that name is replaced.
    """
    if node.running():
        raise TestbedError(
            f"node {node.name}: it is running, and a stage is made of a switched-off node",
            hint="switch it off first",
        )
    record = _record(name)
    before = [Path(path) for path in read_json(record) or ()]
    layer = record.parent / f"{name}.{uuid.uuid4().hex[:8]}"
    (node.directory / "upper").rename(layer)
    new_layer(node.directory / "upper")
    layers = (str(layer), *node.record.layers)
    node.save(layers=layers)
    write_json(record, layers)
    prune(before)


def remove(name: str) -> None:
    """Forget the stage `name`; raises TestbedError if there is none."""
    layers = layers_of(name)
    _record(name).unlink()
    prune(layers)


def prune(candidates: Sequence[Path]) -> None:
    """Remove those of `candidates` that are layers of stages and that nothing uses any more."""
    used = used_layers()
    for layer in candidates:
        if layer.parent == cache("stages") and layer not in used:
            remove_tree(layer)


def used_layers() -> set[Path]:
    """Return every layer that a stage or a node lies on."""
    used: set[str] = set()
    for path in cache("stages").glob("*.json"):
        used.update(read_json(path) or ())
    for path in STATE.glob("*/nodes/*/node.json"):
        used.update((read_json(path) or {}).get("layers", ()))
    return {Path(path) for path in used}
