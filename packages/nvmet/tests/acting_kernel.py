# SPDX-License-Identifier: Apache-2.0
"""A directory with configfs's manners, as far as NVMe targets are told by them.

What is made there comes with attributes and directories of the kernel's, which go with it; what
has something in it, or is linked to, is not removed; the kernel checks some values.
"""

from __future__ import annotations

import errno
import shutil
from pathlib import Path

import pytest

from nvmet import kernel, memory, tree

#: Kind to its attributes with their values, and to the directories that come with it.
_KINDS: dict[str, tuple[dict[str, str], tuple[str, ...]]] = {
    "hosts": ({}, ()),
    "subsystems": (
        {"attr_allow_any_host": "0", "attr_serial": "c0ffee", "attr_model": "Linux"},
        ("namespaces", "allowed_hosts"),
    ),
    "namespaces": (
        {"device_path": "", "device_uuid": "", "device_nguid": "", "ana_grpid": "1", "enable": "0"},
        (),
    ),
    "ports": (
        {f"addr_{name}": "" for name in ("trtype", "adrfam", "traddr", "trsvcid", "treq")},
        ("subsystems", "referrals", "ana_groups", "ana_groups/1"),
    ),
    "referrals": (
        {
            **{f"addr_{name}": "" for name in ("trtype", "adrfam", "traddr", "trsvcid", "treq")},
            "addr_portid": "0",
            "enable": "0",
        },
        (),
    ),
    "ana_groups": ({"ana_state": "inaccessible"}, ()),
}


class Kernel:
    """What the tests do in the kernel's place."""

    def __init__(self, top: Path) -> None:
        self.top = top
        #: Addresses that a port can be opened at.
        self.addresses = {"192.0.2.1"}

    def make(self, path: Path) -> None:
        """Make an object."""
        attributes, folders = _KINDS[path.parent.name]
        path.mkdir()
        for name, value in attributes.items():
            (path / name).write_text(value)
        for name in folders:
            (path / name).mkdir()
            if name == "ana_groups/1":
                (path / name / "ana_state").write_text("optimized")

    def remove(self, path: Path) -> None:
        """Remove an object that nothing needs."""
        links = [link for link in self.top.rglob("*") if link.is_symlink()]
        used = any(link.resolve() == path for link in links)
        _, folders = _KINDS[path.parent.name]
        within = [entry for name in folders for entry in (path / name).iterdir() if entry.is_dir()]
        if used or [entry for entry in within if entry.relative_to(path) != Path("ana_groups/1")]:
            raise OSError(errno.EBUSY, "Device or resource busy")
        shutil.rmtree(path)

    def check(self, path: Path, value: str) -> None:
        """Refuse what the kernel would."""
        device = path.parent / "device_path"
        opened = path.name == "enable" and value == "1" and device.exists()
        if opened and not Path(device.read_text()).exists():
            raise OSError(errno.ENOENT, "No such file or directory")
        if path.name.startswith("addr_") and any((path.parent / "subsystems").glob("*")):
            raise OSError(errno.EACCES, "Permission denied")

    def link(self, target: Path, path: Path) -> None:
        """Link it; where that opens a port, not at an address that is not the machine's."""
        if path.parent.name == "subsystems":
            address = (path.parent.parent / "addr_traddr").read_text()
            if address not in self.addresses:
                raise OSError(errno.EADDRNOTAVAIL, "Cannot assign requested address")
        path.symlink_to(target)


def act(fake: Kernel, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the module nvmet work there, and write its file beside it."""
    write = tree.write

    def checked_write(path: Path, value: object) -> None:
        try:
            fake.check(path, str(value))
        except OSError as error:
            raise tree.told(path, f"set it to {value}", error) from error
        # A file, other than an attribute, keeps what is behind a shorter value.
        if path.exists():
            path.write_text("")
        write(path, value)

    for name in ("hosts", "subsystems", "ports"):
        (fake.top / name).mkdir(parents=True)
    for name, function in (("MKDIR", fake.make), ("RMDIR", fake.remove), ("SYMLINK", fake.link)):
        monkeypatch.setattr(tree, name, function)
    monkeypatch.setattr(tree, "write", checked_write)
    monkeypatch.setattr(tree, "CONFIGFS", fake.top.parent)
    place = fake.top.parent.parent
    monkeypatch.setattr(memory, "STATE", place / "state" / "targets.json")
    monkeypatch.setattr(kernel, "MODULES", place / "modules")
    monkeypatch.setattr(kernel, "MODPROBE", "/bin/true")
