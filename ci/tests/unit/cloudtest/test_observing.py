# SPDX-License-Identifier: Apache-2.0
from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cloudtest import observing
from debstack.base.run import Result, run

LOGGED = "at uwsgi[1]: 1 ERROR ovsdbapp.backend.ovs_idl.transaction [-] "
TRACEBACK = f"{LOGGED}Traceback (most recent call last):\n  File x\n"
CONFLICT = "at uwsgi[1]: neutron.common.ovn.exceptions.RevisionConflict: OVN revision number\n"
OTHER = "at uwsgi[1]: ValueError: no\n"


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the journal of a node says; the shell lines run here, beside such a journal."""
    said = tmp_path / "said"
    for name, line in (
        ("systemctl", "echo neutron-api.service enabled"),
        ("journalctl", f"cat {said}"),
    ):
        program = tmp_path / name
        program.write_text(f"#!/bin/sh\n{line}\n")
        program.chmod(0o755)

    def act(_node: object, *argv: str, **_options: Any) -> Result:
        return run(argv, check=False, env={"PATH": f"{tmp_path}:{os.environ['PATH']}"})

    monkeypatch.setattr(observing, "act", act)
    return said


@pytest.mark.parametrize(
    ("said", "stumbled"),
    [
        ("all is well\n", False),
        (TRACEBACK + CONFLICT, False),
        (TRACEBACK + OTHER, True),
        (TRACEBACK + CONFLICT + TRACEBACK + OTHER, True),
        (TRACEBACK + OTHER + TRACEBACK + CONFLICT, True),
        ((TRACEBACK + OTHER).replace("[1]", "[2]") + CONFLICT, True),
        (TRACEBACK.replace("ovsdbapp", "neutron") + OTHER + CONFLICT, True),
    ],
)
def test_a_traceback_is_a_stumble_unless_neutron_goes_on(
    journal: Path, said: str, stumbled: bool
) -> None:
    journal.write_text(said)
    node: Any = None
    if not stumbled:
        observing.assert_no_stumble(node)
        return
    with pytest.raises(AssertionError, match="ValueError: no"):
        observing.assert_no_stumble(node)


def test_of_a_stumble_what_the_same_process_said_is_told(journal: Path) -> None:
    lines = [TRACEBACK.splitlines()[0], "at cinder[7]: INFO all is well", OTHER]
    journal.write_text("\n".join(lines))
    node: Any = None
    with pytest.raises(AssertionError, match="ValueError: no") as caught:
        observing.assert_no_stumble(node)
    assert "all is well" not in str(caught.value)
