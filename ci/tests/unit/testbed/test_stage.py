# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from testbed import stage
from testbed.node import Node
from testbed.places import TestbedError, write_json
from testbed.record import Record


@pytest.fixture
def node(scratch: Path, monkeypatch: pytest.MonkeyPatch) -> Node:
    monkeypatch.setattr(stage, "remove_tree", lambda path: path.rename(scratch / path.name))
    (scratch / "base").mkdir()
    directory = scratch / "node"
    (directory / "upper").mkdir(parents=True)
    (directory / "upper" / "file").write_text("installed")
    made = Node(bed="b", name="one")
    made.state.mkdir(parents=True)
    record = Record(bed="b", name="one", layers=(str(scratch / "base"),), directory=str(directory))
    write_json(made.state / "node.json", record.dump())
    return made


def test_a_stage_is_the_nodes_layer_and_the_node_goes_on_over_it(node: Node, scratch: Path) -> None:
    stage.snapshot(node, "done")
    layers = stage.layers_of("done")
    assert (layers[0] / "file").read_text() == "installed"
    assert layers[1:] == (scratch / "base",)
    assert list((node.directory / "upper").iterdir()) == []
    assert node.record.layers == tuple(str(path) for path in layers)
    assert stage.stages() == ["done"]


def test_a_layer_goes_when_neither_stage_nor_node_uses_it(node: Node, scratch: Path) -> None:
    stage.snapshot(node, "done")
    layer = stage.layers_of("done")[0]
    stage.remove("done")
    assert layer.exists()  # the node lies on it
    node.save(layers=(str(scratch / "base"),))
    stage.prune([layer])
    assert not layer.exists()
    assert (scratch / "base").exists()


def test_a_stage_that_lost_a_layer_is_none(node: Node, scratch: Path) -> None:
    stage.snapshot(node, "done")
    assert stage.exists("done")
    (scratch / "base").rmdir()
    assert not stage.exists("done")
    with pytest.raises(TestbedError, match="stage done: not found"):
        stage.layers_of("done")


def test_a_running_node_has_no_stage(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Node, "running", lambda self: object())
    with pytest.raises(TestbedError, match="node one: it is running"):
        stage.snapshot(node, "done")
