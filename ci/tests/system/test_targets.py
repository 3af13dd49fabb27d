# SPDX-License-Identifier: Apache-2.0
"""A machine with volumes in LVM and on NFS, which other hosts reach by NVMe, iSCSI and NFS.

The kernel of the host of the testbed has none of these: the machine is in QEMU, with Debian's
kernel, and joins the cloud of a node as the how-to says. It uses its volumes itself, for backups,
through the network as any other host would. It lives through all of it: these tests run in order.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from cloudtest import virtual
from cloudtest.acting import act, apt, debstack, inside, openstack
from cloudtest.golden import START_S, beside, golden
from cloudtest.observing import unsettled
from cloudtest.several import database_hosts, exported
from cloudtest.stages import ALL_IN_ONE, NodeMaker
from debstack.base.run import run
from debstack_image.emulator import Running, started
from testbed.machine import wait_until
from testbed.node import Node

# Long: an all-in-one, an image, and a Debian that works on an emulated processor.
pytestmark = [pytest.mark.root, pytest.mark.system, pytest.mark.long]

#: Of Debian and ours, what the answers below want.
_MORE = ("lvm2", "nfs-common", "nvme-cli", "python3-nvmet")
_SERVER = "nfs-kernel-server"
_SHARE = "/srv/volumes"
_GROUP = "vg0"
_ISCSI = "/sys/kernel/config/target/iscsi"
_DISK = "/dev/disk/by-id/virtio-volumes"
_ANSWERS = """\
cinder-volume cinder/target select nvme
cinder-volume cinder/nfs-host string 127.0.0.1
cinder-volume cinder/nfs-path string /srv/volumes
"""
_PATIENT = "[DEFAULT]\nrpc_response_timeout = 300\n"
_LOCAL = r"[DEFAULT]\nbackup_compression_algorithm = none\n"
#: Early in the first boot, and so before debstack looks for a volume group.
_USER_DATA = f"""\
#cloud-config
bootcmd:
- [cloud-init-per, once, group, vgcreate, {_GROUP}, {_DISK}]
"""


class Storage:
    """The machine."""

    def __init__(self, running: Running, key: Path) -> None:
        self._running = running
        self._key = key

    def told(self, line: str, *, check: bool = True) -> str:
        """Return what a shell line prints that root runs."""
        quoted = line.replace("'", "'\\''")
        done = self._running.ssh("debian", self._key, f"sudo sh -c '{quoted}'", check=check)
        return done.stdout.strip()

    def reboot(self) -> None:
        """Start it anew, and wait until it lets us in again."""
        mark = "cat /proc/sys/kernel/random/boot_id"
        before = self.told(mark)
        self.told("systemctl reboot", check=False)
        wait_until(
            lambda: self.told(mark, check=False) not in {"", before},
            timeout_s=START_S,
            interval_s=3,
            what="the machine after its reboot",
        )

    def await_start(self) -> None:
        """Wait until debstack has done what was due, and nothing is on its way any more."""
        line = "test ! -e /var/lib/debstack/pending && systemctl is-system-running --wait"
        wait_until(
            lambda: self.told(line, check=False) in {"running", "degraded"},
            timeout_s=START_S,
            interval_s=3,
            what="what is due at the first boot",
        )

    def mounted(self, unit: str) -> set[str]:
        """Return what a service has mounted by NFS, in its own view of the machine."""
        mounts = f"/proc/$(systemctl show --value --property MainPID {unit})/mounts"
        return set(self.told(f"grep -E ' nfs4? ' {mounts} | cut -d' ' -f1").split())

    def answer(self, **answers: str) -> None:
        """Change answers of Cinder's, and have it done."""
        lines = [
            f"debstack answers set cinder/{n.replace('_', '-')} {v}" for n, v in answers.items()
        ]
        self.told(" && ".join([*lines, "debstack apply"]))
        self.want_in_order()

    def want_in_order(self) -> None:
        """See that there is nothing left to do.

        A plan asks once, and what was changed may not answer yet.
        """
        wait_until(
            lambda: "nothing to do" in self.told("debstack plan 2>&1", check=False),
            timeout_s=START_S,
            interval_s=3,
            what="the machine to be in order",
        )

    def checksum(self, path: str, size: int) -> str:
        """Return the SHA-512 of the first `size` bytes."""
        return self.told(f"head --bytes={size} {path} | sha512sum").split()[0]


@pytest.fixture(scope="module")
def cloud(make_module_node: NodeMaker) -> Node:
    """A cloud that makes no backups itself: it would not reach what is behind QEMU."""
    packages = [ALL_IN_ONE, "nvme-cli", "python3-nvmet"]
    node = make_module_node(stage="all-in-one", packages=packages).boot()
    # What cinder-volume does for an attachment takes more than a minute on an emulated processor.
    node.write_file("/etc/cinder/cinder.conf.d/90-local.conf", _PATIENT)
    debstack(node, "apply")
    virtual.await_cloud(node)
    # Cinder takes any service for a backup. It counts as gone long before the other machine is up.
    act(node, "systemctl", "mask", "--now", "cinder-backup")  # apply would start it again
    return node


@pytest.fixture(scope="module")
def storage(
    cloud: Node, repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Storage]:
    """The machine, on its way into the cloud."""
    folder = tmp_path_factory.mktemp("storage")
    answers = folder / "storage.preseed"
    answers.write_text(exported(cloud, "storage") + _ANSWERS)
    include = ",".join(["openstack-storage", _SERVER, *_MORE])
    wanted = ("--preseed", answers, "--include", include)
    machine, key = golden(folder, repository, *wanted, user_data=_USER_DATA)
    disk = folder / "volumes.raw"
    run(["truncate", "--size=8G", disk])
    drive = ("-drive", f"if=none,id=volumes,format=raw,file={disk},cache=unsafe,discard=unmap")
    device = ("-device", "virtio-blk-pci,drive=volumes,serial=volumes")
    machine = replace(machine, within=beside(cloud), more=(*drive, *device))
    with started(machine, folder, "amd64") as running:
        running.wait_for_ssh("debian", key, START_S)
        yield Storage(running, key)


def await_pool(cloud: Node, name: str) -> None:
    """Wait until the scheduler knows the back end of that name, which is up a minute before."""
    wait_until(
        lambda: name in openstack(cloud, "volume", "backend", "pool", "list"),
        timeout_s=START_S,
        interval_s=3,
        what=f"the back end {name}",
    )


def image(cloud: Node) -> tuple[int, str]:
    """Return the size of the image `demo`, and its SHA-512."""
    told = json.loads(openstack(cloud, "image", "show", "demo", "--format", "json"))
    return told["size"], told["properties"]["os_hash_value"]


def ordered(cloud: Node, order: Mapping[str, str]) -> Mapping[str, str]:
    """Do something to a volume of a machine that is slow; return their identifiers by name."""
    return virtual.order_volumes(cloud, order, each_s=600)


def there_and_back(cloud: Node, storage: Storage, kind: str, place: str) -> None:
    """Make a volume with an image on the machine, back it up, and see what comes back.

    Its type is `kind`, and it lies in the directory `place`.
    """
    size, checksum = image(cloud)
    create = {"act": "create", "volume": kind, "type": kind, "image": "demo"}
    made = ordered(cloud, create)
    assert storage.checksum(f"{place}/volume-{made[kind]}", size) == checksum
    ordered(cloud, {"act": "backup", "volume": kind, "backup": kind})
    ordered(cloud, {"act": "delete", "kind": "volume", "name": kind})
    restore = {"act": "restore", "volume": kind, "backup": kind, "type": kind}
    made = ordered(cloud, restore)
    assert storage.checksum(f"{place}/volume-{made[kind]}", size) == checksum
    for thing in ("backup", "volume"):
        ordered(cloud, {"act": "delete", "kind": thing, "name": kind})


def connector(storage: Storage) -> str:
    """Return what os-brick says of the machine."""
    script = (
        "from os_brick.initiator import connector as c; import json;"
        'print(json.dumps(c.get_connector_properties("sudo", "10.0.2.15", False, False)))'
    )
    return storage.told(f"python3 -c '{script}'").splitlines()[-1]


def test_a_kernel_without_nvme_targets_is_told_at_once(cloud: Node) -> None:
    debstack(cloud, "answers", "set", "cinder/target", "nvme")
    told = debstack(cloud, "apply", check=False)
    assert told.code == 3
    assert "needs nvme-cli, python3-nvmet, which is not installed" in told.stdout
    apt(cloud, "install", "nvme-cli", "python3-nvmet", check=False)
    told = debstack(cloud, "apply", check=False)
    assert told.code == 3
    assert "Module nvmet not found" in told.stdout
    debstack(cloud, "answers", "set", "cinder/target", "iscsi")
    debstack(cloud, "apply")
    assert unsettled(cloud) == {}


def test_it_joins_and_finds_its_volume_group(cloud: Node, storage: Storage) -> None:
    # zlib is slow on an emulated processor.
    storage.told(f"printf '{_LOCAL}' >/etc/cinder/cinder.conf.d/90-local.conf")
    storage.await_start()
    storage.told("debstack apply")
    await_pool(cloud, "golden@lvm")
    storage.want_in_order()
    assert storage.told("systemctl --failed --plain --no-legend") == ""
    assert database_hosts(cloud, "cinder") == ["%"]
    assert database_hosts(cloud, "glance") == ["localhost"]
    assert "nothing to do" in debstack(cloud, "plan").stdout


def test_a_backup_goes_by_nvme_over_tcp_and_comes_back(cloud: Node, storage: Storage) -> None:
    there_and_back(cloud, storage, "lvm", f"/dev/{_GROUP}")
    log = storage.told("journalctl --dmesg --grep 'new ctrl: NQN' --output cat")
    assert len(log.splitlines()) == 2, log
    assert all("nqn.2010-10.org.openstack:volume-" in line for line in log.splitlines())
    assert all("addr 10.0.2.15:4420" in line for line in log.splitlines())
    left = storage.told("python3 -m nvmet show")
    assert json.loads(left)["subsystems"] == []


def test_an_attached_volume_is_offered_by_nvme_again_after_a_reboot(
    cloud: Node, storage: Storage
) -> None:
    made = ordered(cloud, {"act": "create", "volume": "kept", "type": "lvm"})
    told = inside(cloud, "attachment", "attach", "kept", connector(storage), timeout_s=300)
    ((address, port, kind),) = told["portals"]
    assert kind == "tcp"
    connect = f"nvme connect -t tcp -a {address} -s {port} -n {told['target_nqn']}"
    disk = f"/dev/disk/by-id/nvme-uuid.{made['kept']}"
    written = storage.told(
        f"{connect} >/dev/null && udevadm settle && test -b {disk}"
        f" && head --bytes=1M /dev/urandom >/root/goods && dd if=/root/goods of={disk}"
        " oflag=direct status=none && sha256sum </root/goods"
    )
    before = json.loads(storage.told("python3 -m nvmet show"))
    storage.reboot()
    wait_until(
        lambda: storage.told("systemctl is-active nvmet-restore", check=False) == "active",
        timeout_s=START_S,
        interval_s=3,
        what="nvmet-restore.service",
    )
    assert json.loads(storage.told("python3 -m nvmet show")) == before
    read = f"{connect} >/dev/null && udevadm settle && head --bytes=1M {disk} | sha256sum"
    assert storage.told(read) == written
    storage.told(f"nvme disconnect -n {told['target_nqn']}")
    await_pool(cloud, "golden@lvm")
    inside(cloud, "attachment", "detach", "kept", timeout_s=300)
    ordered(cloud, {"act": "delete", "kind": "volume", "name": "kept"})
    assert json.loads(storage.told("python3 -m nvmet show"))["subsystems"] == []


def test_a_backup_goes_by_iscsi_and_comes_back(cloud: Node, storage: Storage) -> None:
    storage.answer(target="iscsi")
    await_pool(cloud, "golden@lvm")
    there_and_back(cloud, storage, "lvm", f"/dev/{_GROUP}")
    log = storage.told("journalctl --boot --dmesg --grep 'iSCSI Initiator over TCP' --output cat")
    assert len(log.splitlines()) == 2, log
    assert storage.told(f"find {_ISCSI} -mindepth 1 -maxdepth 1 -name 'iqn.*'") == ""


def offered(storage: Storage) -> dict[str, str]:
    """Return what the iSCSI target offers: LUNs, for all and for each host, with their disks."""
    links = storage.told(f"find {_ISCSI} -type l -path '*/lun_*' -printf '%p %l\\n'").splitlines()
    disks = storage.told("cat /sys/kernel/config/target/core/iblock_*/*/udev_path", check=False)
    return {"links": "\n".join(sorted(links)), "disks": disks}


def test_an_attached_volume_is_offered_by_iscsi_again_after_a_reboot(
    cloud: Node, storage: Storage
) -> None:
    made = ordered(cloud, {"act": "create", "volume": "kept", "type": "lvm"})
    told = inside(cloud, "attachment", "attach", "kept", connector(storage), timeout_s=300)
    assert told["target_portal"] == "10.0.2.15:3260"
    before = offered(storage)
    assert len(before["links"].splitlines()) == 2, before
    assert before["disks"] == f"/dev/{_GROUP}/volume-{made['kept']}"
    storage.reboot()
    await_pool(cloud, "golden@lvm")
    assert offered(storage) == before
    inside(cloud, "attachment", "detach", "kept", timeout_s=300)
    ordered(cloud, {"act": "delete", "kind": "volume", "name": "kept"})


def test_volumes_and_backups_lie_on_an_nfs_server(cloud: Node, storage: Storage) -> None:
    rights = "127.0.0.1(rw,sync,no_subtree_check,no_root_squash)"
    storage.told(
        f"mkdir -p {_SHARE} /srv/backups && chown cinder: /srv/backups"
        f" && echo '{_SHARE} {rights}' >/etc/exports && echo '/srv/backups {rights}' >>/etc/exports"
        " && exportfs -ra"
    )
    storage.answer(
        backend="nfs",
        backup_store="nfs",
        backup_nfs_host="127.0.0.1",
        backup_nfs_path="/srv/backups",
    )
    await_pool(cloud, "golden@nfs")
    there_and_back(cloud, storage, "nfs", _SHARE)
    assert storage.mounted("cinder-volume") == {f"127.0.0.1:{_SHARE}"}
    assert storage.mounted("cinder-backup") >= {"127.0.0.1:/srv/backups"}
    assert storage.told("systemctl --failed --plain --no-legend") == ""
