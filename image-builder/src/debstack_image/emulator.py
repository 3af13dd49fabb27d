# SPDX-License-Identifier: Apache-2.0
"""A machine in QEMU that starts from an image; the image itself is never written to."""

from __future__ import annotations

import json
import os
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from debstack.base.errors import DebstackError
from debstack.base.run import Result, run
from debstack.runtime import kvm
from debstack_image.process import Companion

_SHARE = Path("/usr/share")
_POLL_S = 0.5
_STOP_S = 90.0
#: On the console of a machine that goes no further by itself.
_GIVEN_UP = ("\n(initramfs) ", "Kernel panic - not syncing", "grub rescue>", "emergency mode")
#: Architecture to QEMU's name, machine and processor where it emulates that itself.
_MACHINES = {
    "amd64": ("x86_64", "q35", "max"),
    "arm64": ("aarch64", "virt", "cortex-a57"),
    "riscv64": ("riscv64", "virt", "rv64"),  # "max" is not known to the QEMU of Debian 12
}
#: Their screens; what is not a PC has none of its own.
_SCREENS = {
    "amd64": ("-vga", "std"),
    "arm64": ("-device", "virtio-gpu-pci"),
    "riscv64": ("-device", "virtio-gpu-pci"),
}
_PACKAGES = {"amd64": "qemu-system-x86", "arm64": "qemu-system-arm", "riscv64": "qemu-system-misc"}
#: Firmware and its variables, as Debian's packages have them; with Secure Boot and without.
_FIRMWARE = {
    ("amd64", False): ("OVMF/OVMF_CODE_4M.fd", "OVMF/OVMF_VARS_4M.fd", "ovmf"),
    ("amd64", True): ("OVMF/OVMF_CODE_4M.secboot.fd", "OVMF/OVMF_VARS_4M.ms.fd", "ovmf"),
    ("arm64", False): ("AAVMF/AAVMF_CODE.fd", "AAVMF/AAVMF_VARS.fd", "qemu-efi-aarch64"),
    ("arm64", True): ("AAVMF/AAVMF_CODE.ms.fd", "AAVMF/AAVMF_VARS.ms.fd", "qemu-efi-aarch64"),
    ("riscv64", False): (
        "qemu-efi-riscv64/RISCV_VIRT_CODE.fd",
        "qemu-efi-riscv64/RISCV_VIRT_VARS.fd",
        "qemu-efi-riscv64",
    ),
}


class EmulatorError(DebstackError):
    """The machine did not do what was expected of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Machine:
    """What is started: the image, its format, the firmware, and what is attached to it."""

    image: Path
    image_format: str
    architecture: str
    firmware: str = "bios"
    secure_boot: bool = False
    disk_size: str = "8G"
    memory_mib: int = 1024
    seed: Path | None = None
    network: str = "user,id=net"
    #: Starts a command in another network of this machine's than that of this program.
    within: tuple[str, ...] = ()
    more: tuple[str, ...] = field(default=())


def free_port() -> int:
    """Return a TCP port of the loopback that nothing listens on."""
    with socket.socket() as stream:
        stream.bind(("127.0.0.1", 0))
        return int(stream.getsockname()[1])


def needed(architecture: str, *, uefi: bool) -> dict[str, str]:
    """Return the program and files that emulating a machine takes, with their packages."""
    wanted = {f"qemu-system-{_MACHINES[architecture][0]}": _PACKAGES[architecture]}
    if uefi:
        code, variables, package = _FIRMWARE[architecture, False]
        wanted |= {f"{_SHARE}/{name}": package for name in (code, variables)}
    return wanted


def accelerated(architecture: str, machine: str) -> bool:
    """Tell whether this machine's processor runs guests of `architecture`, found out by trying."""
    return architecture == machine and kvm.works()


def _firmware(machine: Machine, folder: Path) -> list[str]:
    if machine.firmware == "bios":
        return []
    key = (machine.architecture, machine.secure_boot)
    if key not in _FIRMWARE:
        raise EmulatorError(f"no firmware with Secure Boot for {machine.architecture}")
    code, variables, package = _FIRMWARE[key]
    files = [_SHARE / name for name in (code, variables)]
    if not all(file.is_file() for file in files):
        raise EmulatorError(
            f"this machine lacks the UEFI firmware for {machine.architecture}",
            hint=f"apt-get install {package}",
        )
    own = folder / "variables.fd"
    if not own.exists():
        shutil.copyfile(files[1], own)
    secure = ["-global", "driver=cfi.pflash01,property=secure,value=on"]
    needs_smm = machine.secure_boot and machine.architecture == "amd64"
    return [
        *("-drive", f"if=pflash,unit=0,format=raw,readonly=on,file={files[0]}"),
        *("-drive", f"if=pflash,unit=1,format=raw,file={own}"),
        *(secure if needs_smm else []),
    ]


def qemu_argv(machine: Machine, folder: Path, port: int, *, fast: bool) -> list[str]:
    """Return the command that starts the machine; its files are in `folder`."""
    name, kind, processor = _MACHINES[machine.architecture]
    if machine.secure_boot and machine.architecture == "amd64":
        kind += ",smm=on"
    accelerator = "kvm" if fast else "tcg,thread=multi"
    argv = [f"qemu-system-{name}", "-machine", kind, "-accel", accelerator]
    argv += ["-cpu", "host" if fast else processor, "-smp", "2", "-m", str(machine.memory_mib)]
    argv += ["-nodefaults", "-display", "none", "-no-user-config"]
    argv += ["-device", "virtio-rng-pci", *_firmware(machine, folder)]
    argv += _SCREENS[machine.architecture]
    argv += ["-drive", f"if=none,id=disk,format=qcow2,file={folder}/disk.qcow2,cache=unsafe"]
    argv += ["-device", "virtio-blk-pci,drive=disk,bootindex=1"]
    if machine.seed:
        argv += ["-drive", f"if=none,id=seed,format=raw,readonly=on,file={machine.seed}"]
        argv += ["-device", "virtio-blk-pci,drive=seed"]
    network = f"{machine.network},hostfwd=tcp:127.0.0.1:{port}-:22"
    argv += ["-netdev", network, "-device", "virtio-net-pci,netdev=net,romfile="]
    argv += ["-chardev", f"file,id=console,path={folder}/console.log,append=on"]
    argv += ["-serial", "chardev:console"]
    argv += ["-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
    return [*argv, *machine.more]


class Running:
    """A started machine."""

    def __init__(
        self, folder: Path, port: int, companion: Companion, within: tuple[str, ...] = ()
    ) -> None:
        self.folder = folder
        self.port = port
        self._within = within
        self._companion = companion
        self.began = time.monotonic()

    @property
    def console(self) -> str:
        """What it has written to its serial console."""
        path = self.folder / "console.log"
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def wait_for(self, text: str, timeout_s: float) -> float:
        """Wait until `text` is on the console; return the seconds since the start."""
        while text not in self.console:
            self._still_there(timeout_s, f'"{text}" on its console')
        return time.monotonic() - self.began

    def _still_there(self, timeout_s: float, what: str) -> None:
        given_up = next((text for text in _GIVEN_UP if text in self.console), None)
        if given_up:
            raise EmulatorError(f'machine: "{given_up}" before {what}; {self._tail()}')
        if self._companion.wait(_POLL_S) is not None:
            log = (self.folder / "qemu.log").read_text(encoding="utf-8", errors="replace")
            raise EmulatorError(f"machine: it ended before {what}: {log.strip()[-500:]}")
        if time.monotonic() - self.began > timeout_s:
            raise EmulatorError(f"machine: no {what} after {timeout_s:.0f} s; {self._tail()}")

    def _tail(self) -> str:
        lines = self.console.splitlines()[-15:]
        return "its console:" + "".join(f"\n    {line}" for line in lines)

    def ssh(self, user: str, key: Path, command: str, *, check: bool = True) -> Result:
        """Run a shell line as `user` by ssh."""
        argv = [
            *self._within,
            "ssh",
            "-p",
            str(self.port),
            "-i",
            os.fspath(key),
            "-o",
            "BatchMode=yes",
        ]
        argv += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null"]
        argv += ["-o", "LogLevel=ERROR", "-o", "ConnectTimeout=15", "-o", "IdentitiesOnly=yes"]
        return run([*argv, f"{user}@127.0.0.1", command], check=check, timeout_s=600)

    def wait_for_ssh(self, user: str, key: Path, timeout_s: float) -> float:
        """Wait until `user` can log in by ssh; return the seconds since the start."""
        while self.ssh(user, key, "true", check=False).code != 0:
            self._still_there(timeout_s, f"login of {user} by ssh")
        return time.monotonic() - self.began

    def screenshot(self, path: Path) -> None:
        """Write what its screen shows as PNG."""
        self._qmp("screendump", {"filename": os.fspath(path), "format": "png"})

    def power_off(self) -> None:
        """Press its power button and wait until it is off."""
        self._qmp("system_powerdown", {})
        if self._companion.wait(_STOP_S) is None:
            raise EmulatorError(f"machine: it was not off {_STOP_S:.0f} s after its power button")

    def _qmp(self, command: str, arguments: dict[str, Any]) -> None:
        with socket.socket(socket.AF_UNIX) as stream:
            stream.settimeout(30)
            stream.connect(os.fspath(self.folder / "qmp"))
            with stream.makefile("rw", encoding="utf-8") as lines:
                lines.readline()  # its greeting
                for request in (
                    {"execute": "qmp_capabilities"},
                    {"execute": command, "arguments": arguments},
                ):
                    lines.write(json.dumps(request) + "\n")
                    lines.flush()
                    answer: dict[str, Any] = {}
                    while not answer.keys() & {"return", "error"}:
                        answer = json.loads(lines.readline())
                    if "error" in answer:
                        raise EmulatorError(f"QEMU: {command}: {answer['error']}")


@contextmanager
def started(machine: Machine, folder: Path, host_architecture: str) -> Iterator[Running]:
    """Start the machine; it is gone with the context. Its disk stays for the next start."""
    disk = folder / "disk.qcow2"
    if not disk.exists():
        make = ["qemu-img", "create", "-q", "-f", "qcow2", "-F", machine.image_format]
        run([*make, "-b", machine.image.absolute(), disk, machine.disk_size])
    port = free_port()
    fast = accelerated(machine.architecture, host_architecture)
    # Killed with this process, however that ends.
    argv = [*machine.within, "setpriv", "--pdeathsig", "KILL"]
    argv += qemu_argv(machine, folder, port, fast=fast)
    companion = Companion(argv, env={}, log=folder / "qemu.log")
    try:
        yield Running(folder, port, companion, machine.within)
    finally:
        companion.kill()
