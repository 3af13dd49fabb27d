# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from debstack.runtime.rings.device import Device, parsed, written
from debstack.runtime.rings.plan import (
    Difference,
    Entry,
    difference,
    movement,
    placed,
    replicas_of,
    told,
)


def entries(text: str) -> list[Entry]:
    """Return devices as a ring has them, all placed, numbered as they come."""
    return [Entry(id=n, device=device) for n, device in enumerate(placed(parsed(text), []))]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "192.0.2.11/sdb",
        "192.0.2.11/sdb=0,r1z2-192.0.2.12/sdb=250",
        "z3-[2001:db8::1]/d1,r2-192.0.2.13/d1",
    ],
)
def test_devices_are_written_as_they_are_read(text: str) -> None:
    assert written(parsed(text)) == text


def test_the_usual_weight_is_not_written() -> None:
    assert written(parsed("192.0.2.11/sdb=100")) == "192.0.2.11/sdb"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("192.0.2.11/sdb,node/sdb", '"node/sdb": not a device'),
        ("192.0.2.11/sdb,z2-192.0.2.11/sdb=5", "192.0.2.11/sdb: is there twice"),
    ],
)
def test_what_is_wrong_is_named(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parsed(text)


@pytest.mark.parametrize(
    ("wanted", "there", "zones"),
    [
        # Each machine is a zone of its own, whatever devices it has.
        ("192.0.2.11/a,192.0.2.11/b,192.0.2.12/a", "", [(1, 1), (1, 1), (1, 2)]),
        # What is said counts, and the others keep out of it.
        ("z2-192.0.2.11/a,192.0.2.12/a,192.0.2.13/a", "", [(1, 2), (1, 1), (1, 3)]),
        ("r2z5-192.0.2.11/a,192.0.2.11/b", "", [(2, 5), (2, 5)]),
        # Who was there stays where he is, though the first one goes.
        ("192.0.2.12/a,192.0.2.13/a", "192.0.2.11/a,192.0.2.12/a,192.0.2.13/a", [(1, 2), (1, 3)]),
        ("192.0.2.13/a", "z7-192.0.2.12/b", [(1, 1)]),
        # A device that is new on a machine that is not.
        ("192.0.2.12/a,192.0.2.12/b", "z4-192.0.2.12/a", [(1, 4), (1, 4)]),
        # Nothing but the address is another.
        ("192.0.2.21/a", "z4-192.0.2.11/a", [(1, 4)]),
    ],
)
def test_where_devices_are_placed(wanted: str, there: str, zones: list[tuple[int, int]]) -> None:
    found = placed(parsed(wanted), entries(there))
    assert [(device.region, device.zone) for device in found] == zones


@pytest.mark.parametrize(
    ("wanted", "there", "orders"),
    [
        ("192.0.2.11/a", "192.0.2.11/a", []),
        ("192.0.2.11/a", "", ["add 192.0.2.11/a (region 1, zone 1, weight 100)"]),
        (
            "192.0.2.11/a,192.0.2.12/a=50",
            "192.0.2.11/a",
            ["add 192.0.2.12/a (region 1, zone 2, weight 50)"],
        ),
        ("192.0.2.11/a", "192.0.2.11/a,192.0.2.12/a", ["remove 192.0.2.12/a"]),
        (
            "192.0.2.11/a=0",
            "192.0.2.11/a",
            ["give 192.0.2.11/a the weight 0 instead of 100"],
        ),
        ("z9-192.0.2.11/a", "192.0.2.11/a", ["put 192.0.2.11/a into region 1, zone 9"]),
        ("192.0.2.21/a", "192.0.2.11/a", ["have 192.0.2.21/a in place of 192.0.2.11/a"]),
        # Two that could be either: then they are others.
        (
            "192.0.2.21/a",
            "192.0.2.11/a,192.0.2.12/a",
            [
                "remove 192.0.2.11/a",
                "remove 192.0.2.12/a",
                "add 192.0.2.21/a (region 1, zone 3, weight 100)",
            ],
        ),
        # Other devices: not the same machine.
        (
            "192.0.2.21/b",
            "192.0.2.11/a",
            ["remove 192.0.2.11/a", "add 192.0.2.21/b (region 1, zone 2, weight 100)"],
        ),
    ],
)
def test_what_has_to_change(wanted: str, there: str, orders: list[str]) -> None:
    found = entries(there)
    assert list(told(difference(placed(parsed(wanted), found), found))) == orders


def test_nothing_is_left_to_change_afterwards() -> None:
    devices = placed(parsed("192.0.2.11/a=7,z3-192.0.2.12/a"), entries("192.0.2.11/a"))
    after = [Entry(id=n, device=device) for n, device in enumerate(devices)]
    assert difference(placed(devices, after), after) == Difference()


@pytest.mark.parametrize(
    ("wanted", "text", "current", "replicas"),
    [
        (0, "192.0.2.11/a", 0, 1),
        (0, "192.0.2.11/a,192.0.2.11/b,192.0.2.11/c", 0, 1),
        (0, "192.0.2.11/a,192.0.2.12/a", 1, 2),
        (0, "192.0.2.11/a,192.0.2.12/a,192.0.2.13/a", 0, 3),
        (0, "192.0.2.11/a,192.0.2.12/a,192.0.2.13/a,192.0.2.14/a", 3, 3),
        # One machine goes: there are no fewer copies for that.
        (0, "192.0.2.11/a,192.0.2.11/b,192.0.2.12/a", 3, 3),
        (2, "192.0.2.11/a,192.0.2.11/b", 1, 2),
        (1, "192.0.2.11/a,192.0.2.12/a", 2, 1),
    ],
)
def test_how_many_replicas_there_are(
    wanted: int, text: str, current: float, replicas: float
) -> None:
    assert replicas_of(wanted, parsed(text), current) == replicas


@pytest.mark.parametrize(
    ("wanted", "text", "current", "reason"),
    [
        (3, "192.0.2.11/a,192.0.2.12/a", 0, "3 replicas need as many devices .* there are 2"),
        (0, "192.0.2.11/a,192.0.2.12/a=0,192.0.2.13/a", 3, "there are 2"),
        (0, "192.0.2.11/a=0", 1, "no device has a weight"),
    ],
)
def test_where_there_are_too_few_devices(
    wanted: int, text: str, current: float, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        replicas_of(wanted, parsed(text), current)


@pytest.mark.parametrize(
    ("before", "after", "moved", "copied", "percent"),
    [
        ([], [[0, 0, 0, 0]], 0, 4, 0),
        ([[0, 1, 0, 1]], [[0, 1, 0, 1]], 0, 0, 0),
        ([[0, 0, 0, 0]], [[0, 0, 0, 1]], 1, 0, 25),
        # Which row has it does not matter.
        ([[0, 1], [1, 0]], [[1, 0], [0, 1]], 0, 0, 0),
        # A second copy moves nothing, and a third that also moves the first one does.
        ([[0, 0]], [[0, 0], [1, 1]], 0, 2, 0),
        ([[0, 0]], [[1, 0], [2, 1]], 1, 2, 50),
        # Fewer copies.
        ([[0, 0], [1, 1]], [[0, 0]], 0, 0, 0),
        # A row that is shorter: two copies of the first partition alone.
        ([[0, 0], [1]], [[0, 2], [1]], 1, 0, 100 / 3),
    ],
)
def test_what_moves(
    before: list[list[int]], after: list[list[int]], moved: int, copied: int, percent: float
) -> None:
    found = movement(before, after)
    assert (found.moved, found.copied) == (moved, copied)
    assert found.percent == pytest.approx(percent)


def test_an_ipv6_address_stands_in_brackets() -> None:
    assert Device(address="2001:db8::1", name="d1").label == "[2001:db8::1]/d1"
