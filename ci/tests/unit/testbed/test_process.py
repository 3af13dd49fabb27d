# SPDX-License-Identifier: Apache-2.0
import os
from dataclasses import replace
from pathlib import Path

import pytest

from testbed.process import Identity, members, myself


def test_identity_survives_writing_down() -> None:
    assert Identity.load(myself().dump()) == myself()
    assert Identity.load(None) is None


def test_a_reused_pid_is_another_process() -> None:
    assert myself().alive()
    assert not replace(myself(), start=myself().start + 1).alive()


def test_processes_of_an_earlier_boot_are_dead() -> None:
    assert not replace(myself(), boot="another").alive()


def test_a_zombie_is_dead() -> None:
    pid = os.fork()
    if pid == 0:
        os._exit(0)
    os.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)
    assert not Identity.of(pid).alive()
    os.waitpid(pid, 0)
    with pytest.raises(ProcessLookupError):
        Identity.of(pid)


def test_members_are_found_in_groups_below(scratch: Path) -> None:
    (scratch / "group" / "payload").mkdir(parents=True)
    (scratch / "group" / "cgroup.procs").write_text("3\n")
    (scratch / "group" / "payload" / "cgroup.procs").write_text("0\n5\n")
    assert sorted(members(scratch / "group")) == [3, 5]
    assert members(scratch / "none") == []
