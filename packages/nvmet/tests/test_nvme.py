# SPDX-License-Identifier: Apache-2.0
"""Targets are made, offered and taken away as Cinder and others ask for it."""

from __future__ import annotations

import os
import uuid
from pathlib import Path
from typing import Any

import pytest

import nvmet
from acting_kernel import Kernel, act
from nvmet import kernel, memory, restore, tree

NQN = "nqn.2010-10.org.example:volume-1"
UUID = "5f0f9b0e-6f1c-4a3e-8d9a-0a4f6f6c1b11"


@pytest.fixture
def configfs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Kernel:
    """A kernel with no target."""
    fake = Kernel(tmp_path / "config" / "nvmet")
    act(fake, monkeypatch)
    return fake


@pytest.fixture
def disk(tmp_path: Path) -> Path:
    """A file for a block device."""
    path = tmp_path / "disk"
    path.touch()
    return path


def subsystem(disk: Path, nqn: str = NQN) -> dict[str, Any]:
    """Return what Cinder's driver makes a subsystem from."""
    device = {"nguid": UUID, "uuid": UUID, "path": str(disk)}
    return {
        "allowed_hosts": [],
        "attr": {"allow_any_host": "1"},
        "namespaces": [{"device": device, "enable": 1, "nsid": 10}],
        "nqn": nqn,
    }


def port(*nqns: str, address: str = "192.0.2.1") -> dict[str, Any]:
    """Return what Cinder's driver makes a port from."""
    addr = {"adrfam": "ipv4", "traddr": address, "treq": "not specified"}
    addr |= {"trsvcid": "4420", "trtype": "tcp"}
    return {"addr": addr, "portid": 1, "referrals": [], "subsystems": list(nqns)}


def offer(disk: Path) -> None:
    """Make and offer a subsystem as Cinder does."""
    nvmet.Subsystem.setup(subsystem(disk))
    nvmet.Port.setup(nvmet.Root(), port(NQN))


def test_what_cinder_makes_is_in_configfs(configfs: Kernel, disk: Path) -> None:
    offer(disk)
    place = configfs.top / "subsystems" / NQN
    assert (place / "attr_allow_any_host").read_text() == "1"
    names = ("device_path", "device_uuid", "device_nguid", "enable")
    found = [(place / "namespaces" / "10" / name).read_text() for name in names]
    assert found == [str(disk), UUID, UUID, "1"]
    offered = configfs.top / "ports" / "1"
    assert (offered / "subsystems" / NQN).resolve() == place
    assert (offered / "addr_trsvcid").read_text() == "4420"


def test_it_is_looked_up_by_numbers_and_names_as_directories_have_them(
    configfs: Kernel, disk: Path
) -> None:
    offer(disk)
    found = nvmet.Subsystem(NQN)
    assert found.path == str(configfs.top / "subsystems" / NQN)
    (namespace,) = found.namespaces
    assert (namespace.nsid, namespace.subsystem) == (10, found)
    assert nvmet.Namespace(found, "10").nsid == 10
    assert namespace.get_attr("device", "path") == str(disk)
    assert nvmet.Port("1").portid == 1
    assert [one.portid for one in nvmet.Root().ports] == [1]
    assert nvmet.Port(1).subsystems == [NQN]
    assert [one.nqn for one in nvmet.Root().subsystems] == [NQN]


@pytest.mark.parametrize(
    "look",
    [
        lambda: nvmet.Subsystem(NQN),
        lambda: nvmet.Port(1),
        lambda: nvmet.Host(nqn=NQN, mode="lookup"),
    ],
    ids=["subsystem", "port", "host"],
)
def test_what_is_not_there_is_not_found(configfs: Kernel, look: Any) -> None:
    with pytest.raises(nvmet.nvme.CFSNotFound):
        look()


def test_a_mode_makes_or_finds(configfs: Kernel) -> None:
    first = nvmet.Subsystem(nqn=NQN, mode="create")
    assert first.new
    assert not nvmet.Subsystem(nqn=NQN, mode="any").new
    with pytest.raises(nvmet.nvme.CFSError, match="there is one already"):
        nvmet.Subsystem(nqn=NQN, mode="create")
    with pytest.raises(nvmet.nvme.CFSError, match="mode: expected"):
        nvmet.Subsystem(nqn=NQN, mode="open")
    assert nvmet.Namespace(first, mode="create").nsid == 1
    assert nvmet.Namespace(first, mode="create").nsid == 2
    made = nvmet.Subsystem(mode="create").nqn
    assert uuid.UUID(made.removeprefix("nqn.2014-08.org.nvmexpress:uuid:"))


@pytest.mark.parametrize(
    "nqn",
    [
        "iqn.2010-10.org.example:1",
        "nqn.a/b",
        f"nqn.{'x' * 220}",
        "",
        "nqn.2014-08.org.nvmexpress.discovery",
    ],
)
def test_a_name_that_is_none_is_refused(configfs: Kernel, nqn: str) -> None:
    with pytest.raises(nvmet.nvme.CFSError, match="nqn: expected"):
        nvmet.Subsystem(nqn=nqn, mode="create")


def test_what_others_have_made_may_be_called_otherwise(configfs: Kernel, disk: Path) -> None:
    configfs.make(configfs.top / "subsystems" / "theirs")
    configfs.make(configfs.top / "subsystems" / "theirs" / "namespaces" / "9000")
    offer(disk)
    theirs = next(one for one in nvmet.Root().subsystems if one.nqn == "theirs")
    assert [one.nsid for one in theirs.namespaces] == [9000]


@pytest.mark.parametrize("nsid", [0, nvmet.Namespace.MAX_NSID + 1, "ten"])
def test_a_number_that_is_none_is_refused(configfs: Kernel, nsid: int | str) -> None:
    made = nvmet.Subsystem(nqn=NQN, mode="create")
    with pytest.raises(nvmet.nvme.CFSError, match="nsid: expected 1 to 8192"):
        nvmet.Namespace(made, nsid, mode="create")


def test_an_error_is_told_and_leaves_no_half(configfs: Kernel, tmp_path: Path) -> None:
    told: list[str] = []
    nvmet.Subsystem.setup(subsystem(tmp_path / "gone"), told.append)
    (text,) = told
    assert "cannot set it to 1" in text
    assert f"the device is {tmp_path}/gone" in text
    assert list(nvmet.Root().subsystems) == []
    with pytest.raises(nvmet.nvme.CFSError):
        nvmet.Subsystem.setup(subsystem(tmp_path / "gone"))


def test_an_address_of_another_machine_is_told(configfs: Kernel, disk: Path) -> None:
    nvmet.Subsystem.setup(subsystem(disk))
    with pytest.raises(nvmet.nvme.CFSError, match=r"192\.0\.2\.9, port 4420, by tcp"):
        nvmet.Port.setup(nvmet.Root(), port(NQN, address="192.0.2.9"))
    assert list(nvmet.Root().ports) == []


def test_a_second_subsystem_is_offered_at_the_same_port(configfs: Kernel, disk: Path) -> None:
    offer(disk)
    other = f"{NQN}2"
    nvmet.Subsystem.setup(subsystem(disk, other))
    found = nvmet.Port(1)
    found.add_subsystem(other)
    assert found.subsystems == [NQN, other]
    found.remove_subsystem(NQN)
    assert found.subsystems == [other]
    with pytest.raises(nvmet.nvme.CFSNotFound):
        found.add_subsystem("nqn.2010-10.org.example:none")


def test_a_namespace_is_added_to_a_subsystem_and_taken_away(configfs: Kernel, disk: Path) -> None:
    offer(disk)
    found = nvmet.Subsystem(NQN)
    more = disk.with_name("more")
    more.touch()
    device = {"nguid": UUID, "uuid": UUID, "path": str(more)}
    data = {"device": device, "enable": 1, "nsid": 11}
    nvmet.Namespace.setup(found, data)
    nvmet.Namespace.setup(found, data)
    assert [one.nsid for one in found.namespaces] == [10, 11]
    with pytest.raises(nvmet.nvme.CFSError, match="behind it, found"):
        nvmet.Namespace.setup(found, {**data, "device": {"path": str(disk)}})
    nvmet.Namespace(found, 11).delete()
    assert [one.nsid for one in found.namespaces] == [10]


def test_a_subsystem_that_is_offered_is_deleted(configfs: Kernel, disk: Path) -> None:
    offer(disk)
    nvmet.Subsystem(NQN).delete()
    assert nvmet.Port(1).subsystems == []
    assert list((configfs.top / "subsystems").iterdir()) == []


def test_hosts_referrals_and_groups(configfs: Kernel, disk: Path) -> None:
    host = "nqn.2014-08.org.nvmexpress:uuid:1"
    nvmet.Host.setup({"nqn": host})
    nvmet.Subsystem.setup({**subsystem(disk), "attr": {}, "allowed_hosts": [host]})
    away = {"adrfam": "ipv4", "traddr": "192.0.2.2", "trsvcid": "4420", "trtype": "tcp"}
    referral = {"name": "other", "addr": away, "enable": 1}
    group = {"grpid": 2, "ana": {"state": "optimized"}}
    nvmet.Port.setup(nvmet.Root(), {**port(NQN), "referrals": [referral], "ana_groups": [group]})
    found = nvmet.Port(1)
    assert nvmet.Referral(name="other", port=found, mode="lookup").get_enable()
    assert (
        nvmet.ANAGroup(grpid=2, port=found, mode="lookup").get_attr("ana", "state") == "optimized"
    )
    assert nvmet.Subsystem(NQN).allowed_hosts == [host]
    nvmet.Host(nqn=host).delete()
    assert nvmet.Subsystem(NQN).allowed_hosts == []
    nvmet.Root().delete()
    assert nvmet.Root().dump() == {"hosts": [], "subsystems": [], "ports": []}


def forget(configfs: Kernel) -> None:
    """Do what a reboot does: no target, and the file as it is."""
    text = memory.STATE.read_text()
    nvmet.Root().delete()
    memory.STATE.write_text(text)


def test_a_reboot_changes_nothing(configfs: Kernel, disk: Path) -> None:
    offer(disk)
    before = nvmet.Root().dump()
    forget(configfs)
    assert restore.restore(0) == []
    assert nvmet.Root().dump() == before
    assert restore.restore(0) == []


def test_the_file_is_of_its_owner_alone_without_a_umask(configfs: Kernel, disk: Path) -> None:
    former = os.umask(0)
    try:
        offer(disk)
    finally:
        os.umask(former)
    assert {path.stat().st_mode & 0o777 for path in memory.STATE.parent.iterdir()} == {0o600}
    assert memory.STATE.parent.stat().st_mode & 0o777 == 0o700


def test_what_was_deleted_does_not_come_back(configfs: Kernel, disk: Path) -> None:
    offer(disk)
    nvmet.Subsystem(NQN).delete()
    forget(configfs)
    assert restore.restore(0) == []
    assert list(nvmet.Root().subsystems) == []


def test_a_lost_disk_keeps_none_of_the_others_from_coming_back(
    configfs: Kernel, disk: Path
) -> None:
    offer(disk)
    lost, other = disk.with_name("lost"), f"{NQN}2"
    lost.touch()
    nvmet.Subsystem.setup(subsystem(lost, other))
    nvmet.Port(1).add_subsystem(other)
    kept = memory.STATE.read_text()
    forget(configfs)
    lost.unlink()
    (problem,) = restore.restore(0)
    assert f"the device is {lost}" in problem
    assert nvmet.Port(1).subsystems == [NQN]
    assert memory.STATE.read_text() == kept


@pytest.mark.parametrize("text", ["no JSON", '{"schema": 2}', "[]"])
def test_a_file_of_somebody_else_is_an_error(configfs: Kernel, text: str) -> None:
    memory.STATE.parent.mkdir()
    memory.STATE.write_text(text)
    with pytest.raises(tree.CFSError, match="expected"):
        restore.restore(0)


def test_without_the_module_there_are_no_targets_and_none_can_be_made(
    configfs: Kernel, monkeypatch: pytest.MonkeyPatch, disk: Path
) -> None:
    monkeypatch.setattr(tree, "CONFIGFS", configfs.top)
    monkeypatch.setattr(kernel, "MODPROBE", "/bin/false")
    assert nvmet.Root().dump() == {"hosts": [], "subsystems": [], "ports": []}
    with pytest.raises(nvmet.nvme.CFSNotFound):
        nvmet.Subsystem(NQN)
    with pytest.raises(nvmet.nvme.CFSError, match="does not load its module nvmet:"):
        nvmet.Subsystem.setup(subsystem(disk))


def test_the_module_for_a_transport_is_asked_for(
    configfs: Kernel, monkeypatch: pytest.MonkeyPatch, disk: Path
) -> None:
    nvmet.Subsystem.setup(subsystem(disk))
    monkeypatch.setattr(kernel, "MODPROBE", "/bin/false")
    with pytest.raises(nvmet.nvme.CFSError, match="module nvmet-tcp"):
        nvmet.Port.setup(nvmet.Root(), port(NQN))
    (kernel.MODULES / "nvmet_tcp").mkdir(parents=True)
    nvmet.Port.setup(nvmet.Root(), port(NQN))
