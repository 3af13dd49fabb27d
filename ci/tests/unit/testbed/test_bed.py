# SPDX-License-Identifier: Apache-2.0
import os
import time
from pathlib import Path

import pytest

from testbed import bed as beds
from testbed.bed import Testbed, hosts_text, in_use, left_folders
from testbed.network import Interface
from testbed.places import TestbedError, cache, write_json
from testbed.process import boot_id, myself, this_host
from testbed.record import Record


def record(name: str, *networks: str, host: int) -> Record:
    interfaces = [
        Interface(
            network=one,
            device=f"eth{position}",
            host=host,
            address=f"10.77.{position}.{host}",
            address6=f"fd77:{position}::{host:x}",
        )
        for position, one in enumerate(networks)
    ]
    return Record(bed="b", name=name, layers=(), directory="/d", interfaces=tuple(interfaces))


def test_nodes_know_those_they_can_reach() -> None:
    one = record("one", "default", host=10)
    two = record("two", "default", "storage", host=11)
    alone = record("alone", "elsewhere", host=12)
    text = hosts_text(one, [one, two, alone])
    assert "10.77.0.10 one\n" in text
    assert "10.77.0.11 two\n" in text
    assert "storage" not in text
    assert "alone" not in text
    assert "10.77.1.11 two-storage\n" in hosts_text(two, [one, two, alone])


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (None, False),
        ({"owner": None, "boot": "HERE"}, True),
        ({"owner": None, "boot": "earlier"}, False),
        ({"owner": "ME", "boot": "HERE"}, True),
        ({"owner": {"pid": 1, "start": -1, "boot": "HERE"}, "boot": "HERE"}, False),
    ],
)
def test_a_testbed_is_in_use_while_its_owner_lives(
    content: dict[str, object] | None, wanted: bool, scratch: Path
) -> None:
    if content:
        if content["owner"] == "ME":
            content["owner"] = myself().dump()
        if content["boot"] == "HERE":
            content["boot"] = boot_id()
        (scratch / "state" / "b").mkdir(parents=True)
        write_json(scratch / "state" / "b" / "bed.json", content)
    assert in_use("b") is wanted


def test_one_that_is_in_use_is_not_taken_over(
    scratch: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(beds, "require_root", lambda: None)
    (scratch / "state" / "b").mkdir(parents=True)
    write_json(scratch / "state" / "b" / "bed.json", {"owner": None, "boot": boot_id()})
    with pytest.raises(TestbedError, match="testbed b: it is in use"), Testbed("b"):
        pass


@pytest.mark.parametrize(
    ("host", "age_s", "left"),
    [
        (None, 0.0, True),
        (this_host(), 0.0, True),
        ({**this_host(), "boot": "earlier"}, 0.0, True),
        ({**this_host(), "processes": "a container's"}, 0.0, False),
        ({"boot": "a container's", "processes": "a container's"}, 0.0, False),
        ({**this_host(), "processes": "a container's"}, 30 * 86400.0, True),
    ],
)
def test_folders_of_another_host_on_the_same_cache_are_not_ours(
    host: dict[str, str] | None, age_s: float, left: bool
) -> None:
    folder = cache("nodes") / "b.one.12345678"
    folder.mkdir()
    if host:
        write_json(folder / "host.json", host)
    os.utime(folder, (time.time() - age_s, time.time() - age_s))
    assert left_folders() == ([folder] if left else [])


def test_the_folder_of_a_node_is_not_left(scratch: Path) -> None:
    folder = cache("nodes") / "b.one.12345678"
    folder.mkdir()
    state = scratch / "state" / "b" / "nodes" / "one"
    state.mkdir(parents=True)
    write_json(state / "node.json", {"directory": str(folder)})
    assert left_folders() == []
