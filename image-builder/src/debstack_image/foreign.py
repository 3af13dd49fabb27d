# SPDX-License-Identifier: Apache-2.0
"""Running programs of another architecture while an image is built, by QEMU's user emulation.

Whether this machine does that already is found out by trying. Where it does not, a build of an
ordinary user teaches it to the kernel for its own namespace alone, which Linux can since 6.7.
"""

from __future__ import annotations

import os
import shutil
import struct
from pathlib import Path

from debstack.base.errors import CommandError
from debstack.base.run import PATH, run
from debstack_image.index import ImageError

#: Architecture to QEMU's name, the number of the processor in <elf.h>, and a program of it that
#: ends with 0 by the system call exit.
_PROCESSORS = {
    "amd64": ("x86_64", 62, bytes.fromhex("b83c000000 31ff 0f05")),
    "arm64": ("aarch64", 183, bytes.fromhex("000080d2 a80b80d2 010000d4")),
    "riscv64": ("riscv64", 243, bytes.fromhex("13050000 9308d005 73000000")),
}
_HEADER, _SEGMENT = 64, 56
_ADDRESS = 0x400000
_LOADED, _INTERPRETED = 1, 3
_BINFMT = Path("/proc/sys/fs/binfmt_misc")
_PACKAGES = "qemu-user-binfmt, or qemu-user-static on Debian 12"


def program(architecture: str) -> bytes:
    """Return the smallest ELF program of `architecture`; it does nothing and ends with 0."""
    _, machine, code = _PROCESSORS[architecture]
    start = _HEADER + _SEGMENT
    identity = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH",
        *(identity, 2, machine, 1, _ADDRESS + start, _HEADER, 0, 0),
        *(_HEADER, _SEGMENT, 1, 0, 0, 0),
    )
    size = start + len(code)
    segment = struct.pack("<IIQQQQQQ", _LOADED, 5, 0, _ADDRESS, _ADDRESS, size, size, 0x1000)
    return header + segment + code


def is_static(path: Path) -> bool:
    """Tell whether an ELF program runs without other files, as it has to in a tree of its own."""
    data = path.read_bytes()[: 64 * 1024]
    count = struct.unpack_from("<H", data, 56)[0]
    offset = struct.unpack_from("<Q", data, 32)[0]
    kinds = [struct.unpack_from("<I", data, offset + _SEGMENT * n)[0] for n in range(count)]
    return _INTERPRETED not in kinds


def emulator(architecture: str) -> Path | None:
    """Return QEMU's emulator for programs of `architecture`, None where there is none."""
    name = _PROCESSORS[architecture][0]
    for candidate in (f"qemu-{name}-static", f"qemu-{name}"):
        found = shutil.which(candidate, path=PATH)
        if found and is_static(Path(found)):
            return Path(found)
    return None


def registration(architecture: str, interpreter: Path) -> bytes:
    """Return the line that binfmt_misc takes; P keeps the first argument, F opens QEMU now."""
    _, machine, _ = _PROCESSORS[architecture]
    magic = b"\x7fELF" + bytes((2, 1, 1)) + bytes(9) + struct.pack("<HH", 2, machine)
    # Neither the system's name counts nor whether the program has a fixed place (2) or not (3).
    mask = b"\xff" * 7 + b"\x00" + b"\xff" * 8 + b"\xfe\xff\xff\xff"
    fields = ["".join(f"\\x{byte:02x}" for byte in part) for part in (magic, mask)]
    return f":debstack-{architecture}:M::{':'.join(fields)}:{interpreter}:PF".encode()


def _runs(architecture: str, scratch: Path) -> bool:
    sample = scratch / "sample"
    sample.write_bytes(program(architecture))
    sample.chmod(0o755)
    try:
        return run(["sh", "-c", 'exec "$1"', "sh", sample], check=False).code == 0
    finally:
        sample.unlink()


def enable(architecture: str, machine: str, scratch: Path) -> None:
    """See to it that programs of `architecture` run in this namespace. Raises ImageError."""
    if architecture == machine or _runs(architecture, scratch):
        return
    found = emulator(architecture)
    if found is None:
        raise ImageError(
            f"--architecture {architecture}: programs of it do not run on this machine",
            hint=f"install {_PACKAGES}",
        )
    # What root registers holds for the whole machine, and outlives the build.
    if Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2] == str(2**32 - 1):
        raise ImageError(
            f"--architecture {architecture}: programs of it do not run on this machine",
            hint="build as an ordinary user, or let systemd-binfmt.service register QEMU",
        )
    try:
        run(["mount", "-t", "binfmt_misc", "binfmt_misc", _BINFMT])
        with (_BINFMT / "register").open("wb", buffering=0) as stream:
            stream.write(registration(architecture, found))
    except (CommandError, OSError) as error:
        raise ImageError(
            f"--architecture {architecture}: this kernel knows no emulator in a namespace: {error}",
            hint=f"Linux does since 6.7; on an older one, let root install {_PACKAGES}",
        ) from error
    if not _runs(architecture, scratch):
        raise ImageError(
            f"--architecture {architecture}: {os.fspath(found)} does not run programs of it",
            hint=f"install another version: {_PACKAGES}",
        )
