# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import pytest

from debstack.runtime.take import DebconfAnswer, Sides, decide, decide_all

UNSEEN = DebconfAnswer(value="RegionOne", seen=False)


def sides(file: str | None, taken: str | None, debconf: DebconfAnswer | None) -> Sides:
    return Sides(
        name="openstack/region", default="RegionOne", file=file, taken=taken, debconf=debconf
    )


def seen(value: str) -> DebconfAnswer:
    return DebconfAnswer(value=value, seen=True)


@pytest.mark.parametrize(
    ("file", "taken", "debconf", "value", "told"),
    [
        # nobody answered: the default, without a line
        (None, None, UNSEEN, None, False),
        (None, None, None, None, False),
        # preseeded, or answered by a person
        (None, None, seen("North"), "North", False),
        (None, None, seen("RegionOne"), "RegionOne", False),
        (None, None, DebconfAnswer(value="North", seen=False), "North", False),
        # the file came first
        ("North", None, UNSEEN, "North", True),
        ("North", None, None, "North", False),
        # nothing changed
        ("North", "North", seen("North"), "North", False),
        # the administrator edited the file
        ("South", "North", seen("North"), "South", True),
        # reconfigured, or preseeded anew
        ("North", "North", seen("South"), "South", False),
        # the line was deleted: back to the default
        (None, "North", seen("North"), None, True),
        (None, "RegionOne", seen("RegionOne"), None, False),
        # both came to the same
        ("South", "North", seen("South"), "South", False),
    ],
)
@pytest.mark.parametrize("in_dpkg", [True, False])
def test_the_later_act_wins(
    file: str | None,
    taken: str | None,
    debconf: DebconfAnswer | None,
    value: str | None,
    told: bool,
    in_dpkg: bool,
) -> None:
    decision = decide(sides(file, taken, debconf), in_dpkg=in_dpkg)
    assert (decision.value, decision.tell_debconf, decision.warning) == (value, told, "")


def test_in_dpkg_the_config_script_has_loaded_the_file_so_debconf_is_later() -> None:
    decision = decide(sides("South", "North", seen("West")), in_dpkg=True)
    assert decision.value == "West"
    assert not decision.tell_debconf
    assert '"West"' in decision.warning
    assert '"South"' in decision.warning


def test_outside_dpkg_the_edit_of_the_file_wins_and_both_are_named() -> None:
    decision = decide(sides("South", "North", seen("West")), in_dpkg=False)
    assert decision.value == "South"
    assert decision.tell_debconf
    assert '"West"' in decision.warning
    assert '"South"' in decision.warning


def test_all_decisions_together() -> None:
    outcome = decide_all(
        {"a/b": sides("x", "x", seen("x")), "c/d": sides(None, "y", seen("y"))}, in_dpkg=False
    )
    assert outcome.given == {"a/b": "x"}
    assert outcome.tell == {"c/d": None}
