# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import getpass
import json
from pathlib import Path

import pytest

from debstack.base.errors import AnswerError, ConfigurationError
from debstack.runtime.rings import command, places
from debstack.runtime.rings.device import parsed, written
from debstack.runtime.rings.fetching import fetch_argv
from debstack.runtime.rings.messages import (
    Outcome,
    Placed,
    Request,
    outcomes,
    outcomes_text,
    request,
)
from debstack.runtime.rings.places import Found, needed
from debstack.runtime.steps.rings import check, summaries

ADD = ("add 192.0.2.14/d1 (region 1, zone 4, weight 100)",)
THREE = parsed("192.0.2.11/d1,192.0.2.12/d1,192.0.2.13/d1")


def outcome(
    ring: str, percent: float = 0.0, *, refused: bool = False, problem: str = ""
) -> Outcome:
    return Outcome(
        ring=ring,
        changes=ADD,
        percent=percent,
        refused=refused,
        problem=problem,
        replicas=3.0,
        partitions=4096,
        devices=(
            Placed(address="192.0.2.11", name="d1", weight=100.0, region=1, zone=1, parts=4096),
        ),
    )


def test_what_is_the_same_in_all_rings_is_told_once() -> None:
    assert summaries([outcome("account"), outcome("object", 25.0), outcome("container")]) == [
        f"{ADD[0]} in the rings account, container",
        f"{ADD[0]} in the ring object, which moves 25 %",
    ]
    assert summaries([Outcome(ring="account")]) == []


def test_what_moves_too_much_is_refused_with_the_figure_and_the_way_on() -> None:
    found = [outcome("account", 25.0), outcome("object", 33.3, refused=True)]
    with pytest.raises(ConfigurationError) as caught:
        check(found, "swift", 30)
    assert "would move 33.3 % of what is stored at once (rings object)" in caught.value.message
    assert "the limit is 30 %" in caught.value.message
    assert "debstack rings rebalance --limit 34" in (caught.value.hint or "")


def test_what_cannot_be_is_told_of_the_answer() -> None:
    with pytest.raises(AnswerError, match="swift/devices: 3 replicas"):
        check([outcome("account", problem="3 replicas need more")], "swift", 30)
    check([outcome("account", 30.0)], "swift", 30)


def test_messages_come_as_they_were_sent() -> None:
    asked = Request(directory="/d", rings={"object": 6200}, devices=THREE, limit=5, act=True)
    assert request(asked.text()) == asked
    told = (outcome("account", 1.5), Outcome(ring="object"))
    assert outcomes(outcomes_text(told)) == told
    assert json.loads(outcomes_text(told))[0]["devices"][0]["name"] == "d1"


@pytest.mark.parametrize(
    ("found", "mount_check", "what"),
    [
        (Found(), False, "make and own"),
        (Found(exists=True), False, "own"),
        (Found(exists=True, owned=True), False, ""),
        # What is mounted over is root's: nothing is kept there while it is not.
        (Found(), True, "make"),
        (Found(exists=True), True, ""),
        (Found(exists=True, mounted=True), True, "own"),
        (Found(exists=True, mounted=True, owned=True), True, ""),
    ],
)
def test_what_directories_of_devices_need(found: Found, mount_check: bool, what: str) -> None:
    assert needed(found, mount_check=mount_check) == what


def test_directories_are_made_once(tmp_path: Path) -> None:
    user = getpass.getuser()
    made = places.changes(tmp_path, ["d1", "d2", "d1"], user, mount_check=True)
    assert [change.summary for change in made] == [f"make {tmp_path}/d1", f"make {tmp_path}/d2"]
    for change in made:
        change.perform()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d1", "d2"]
    assert places.changes(tmp_path, ["d1", "d2"], user, mount_check=True) == []


def test_a_file_in_the_place_of_a_device_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "d1").write_text("")
    with pytest.raises(ConfigurationError, match="is no directory"):
        places.changes(tmp_path, ["d1"], getpass.getuser(), mount_check=False)


def test_only_rings_are_fetched() -> None:
    argv = fetch_argv("rsync://ctl:6873/rings/", "/r", dry_run=True)
    assert argv[-4:] == ["--include=*.ring.gz", "--exclude=*", "rsync://ctl:6873/rings/", "/r/"]
    assert "--dry-run" in argv
    assert "--dry-run" not in fetch_argv("rsync://ctl:6873/rings/", "/r", dry_run=False)


def test_devices_are_added_removed_and_weighed() -> None:
    more = command.with_added(THREE, ["z2-192.0.2.14/d1=50"])
    assert written(more) == f"{written(THREE)},z2-192.0.2.14/d1=50"
    assert written(command.with_added((), ["192.0.2.11/d1"])) == "192.0.2.11/d1"
    assert written(command.with_removed(THREE, ["192.0.2.12/d1"])) == (
        "192.0.2.11/d1,192.0.2.13/d1"
    )
    assert written(command.with_weight(THREE, ["192.0.2.12/d1"], 0)) == (
        "192.0.2.11/d1,192.0.2.12/d1=0,192.0.2.13/d1"
    )


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda: command.with_added(THREE, ["192.0.2.11/d1"]), "is there twice"),
        (lambda: command.with_added(THREE, ["d1"]), '"d1": not a device'),
        (lambda: command.with_removed(THREE, ["192.0.2.11/d2"]), 'did you mean "192.0.2.11/d1"'),
    ],
)
def test_what_is_no_device_is_refused(edit: object, reason: str) -> None:
    from debstack.base.errors import DebstackError

    assert callable(edit)
    with pytest.raises(DebstackError, match=reason):
        edit()


def test_rings_are_shown_with_their_devices() -> None:
    assert command.lines([outcome("object"), Outcome(ring="account")]) == [
        "object: 4096 partitions, 3 replicas, 1 devices",
        "    192.0.2.11/d1                region 1 zone 1 weight 100: 4096 partitions",
        "account: there is no ring yet",
    ]
