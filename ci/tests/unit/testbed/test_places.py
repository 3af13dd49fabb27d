# SPDX-License-Identifier: Apache-2.0
from pathlib import Path

import pytest

from testbed.places import TestbedError, check_name, read_json, write_json


@pytest.mark.parametrize("name", ["controller", "compute-1", "0"])
def test_good_names(name: str) -> None:
    assert check_name("node", name) == name


@pytest.mark.parametrize("name", ["", "-a", "A", "a.b", "a/b", "..", "a b", "x" * 64])
def test_names_that_would_end_up_as_other_paths_are_refused(name: str) -> None:
    with pytest.raises(TestbedError, match="expected lower-case letters"):
        check_name("node", name)


def test_json_is_replaced_whole_and_nothing_else_is_left(scratch: Path) -> None:
    path = scratch / "one.json"
    assert read_json(path) is None
    write_json(path, {"a": 1})
    write_json(path, {"a": 2})
    assert read_json(path) == {"a": 2}
    assert [found.name for found in scratch.iterdir()] == ["one.json"]
