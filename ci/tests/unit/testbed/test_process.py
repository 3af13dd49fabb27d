# SPDX-License-Identifier: Apache-2.0
import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from testbed import process
from testbed.places import TestbedError
from testbed.process import Identity, kill_cgroup, members, myself


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


def test_a_killed_group_is_removed_even_if_it_stays_busy_for_a_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    group = tmp_path / "group"
    (group / "service").mkdir(parents=True)
    remove, calls = process._remove_cgroup, list[Path]()

    def busy_at_first(path: Path) -> None:
        calls.append(path)
        if len(calls) > 2:
            remove(path)

    monkeypatch.setattr(process, "_remove_cgroup", busy_at_first)
    kill_cgroup(group)
    assert not group.exists()


def test_a_group_that_stays_busy_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "_remove_cgroup", lambda path: None)
    with pytest.raises(TestbedError, match="stays busy"):
        kill_cgroup(tmp_path, timeout_s=0.05)


def test_members_are_told_while_groups_come_and_go(scratch: Path) -> None:
    group, gone = scratch / "group", threading.Event()
    (group / "stays").mkdir(parents=True)
    (group / "stays" / "cgroup.procs").write_text("7\n")

    def come_and_go() -> None:
        while not gone.is_set():
            (group / "node" / "payload").mkdir(parents=True)
            (group / "node" / "payload").rmdir()
            (group / "node").rmdir()

    other = threading.Thread(target=come_and_go)
    other.start()
    try:
        assert {tuple(members(group)) for _ in range(2000)} == {(7,)}
    finally:
        gone.set()
        other.join()
