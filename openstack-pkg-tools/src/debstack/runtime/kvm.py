# SPDX-License-Identifier: Apache-2.0
"""Whether KVM runs a guest here, found out by running one of a few instructions.

/dev/kvm may open and answer, and a guest still die: where the processor's own virtualisation is
missing, the kernel emulates a part of the instructions, and gives up at the first other one.
Numbers and layouts are those of linux/kvm.h and of the kernel's Documentation/virt/kvm/api.rst.
"""

from __future__ import annotations

import ctypes
import fcntl
import mmap
import os
import platform
import struct
from contextlib import ExitStack
from pathlib import Path

_GET_API_VERSION = 0xAE00
_CREATE_VM = 0xAE01
_GET_VCPU_MMAP_SIZE = 0xAE04
_CREATE_VCPU = 0xAE41
_SET_USER_MEMORY_REGION = 0x4020AE46
_RUN = 0xAE80
_SET_REGS = 0x4090AE82
_GET_SREGS = 0x8138AE83
_SET_SREGS = 0x4138AE84
_API_VERSION = 12
_EXIT_HLT = 5
_EXIT_REASON_AT = 8
_REGS_SIZE, _RIP_AT, _RFLAGS_AT = 144, 16 * 8, 17 * 8
_SREGS_SIZE, _CS_BASE_AT, _CS_SELECTOR_AT = 0x138, 0, 12
_MEMORY_SIZE = 0x10000
_ENTRY = 0x1000
#: In real mode: fninit; fld1; fstp st(0); popcnt ax, ax; hlt. What an emulator knows are the
#: instructions of firmware; of the others, these two units are in every guest's first second.
_GUEST = bytes.fromhex("dbe3 d9e8 ddd8 f30fb8c0 f4")
_GUESTS = frozenset({"x86_64", "i686"})


def works(device: Path = Path("/dev/kvm")) -> bool:
    """Say whether a guest runs. On other processors than x86: whether KVM answers."""
    try:
        with ExitStack() as stack:
            kvm = os.open(device, os.O_RDWR | os.O_CLOEXEC)
            stack.callback(os.close, kvm)
            if fcntl.ioctl(kvm, _GET_API_VERSION, 0) != _API_VERSION:
                return False
            return platform.machine() not in _GUESTS or _guest_ends(stack, kvm)
    except OSError:
        return False


def _guest_ends(stack: ExitStack, kvm: int) -> bool:
    """Run the guest; say whether it came to its end. Raises OSError."""
    machine = fcntl.ioctl(kvm, _CREATE_VM, 0)
    stack.callback(os.close, machine)
    memory = mmap.mmap(-1, _MEMORY_SIZE)
    memory[_ENTRY : _ENTRY + len(_GUEST)] = _GUEST
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    region = struct.pack("IIQQQ", 0, 0, 0, _MEMORY_SIZE, address)
    fcntl.ioctl(machine, _SET_USER_MEMORY_REGION, region)
    processor = fcntl.ioctl(machine, _CREATE_VCPU, 0)
    stack.callback(os.close, processor)
    state = mmap.mmap(processor, fcntl.ioctl(kvm, _GET_VCPU_MMAP_SIZE, 0))
    special = bytearray(_SREGS_SIZE)
    fcntl.ioctl(processor, _GET_SREGS, special)
    struct.pack_into("Q", special, _CS_BASE_AT, 0)
    struct.pack_into("H", special, _CS_SELECTOR_AT, 0)
    fcntl.ioctl(processor, _SET_SREGS, bytes(special))
    registers = bytearray(_REGS_SIZE)
    struct.pack_into("Q", registers, _RIP_AT, _ENTRY)
    struct.pack_into("Q", registers, _RFLAGS_AT, 2)  # the bit that is always set
    fcntl.ioctl(processor, _SET_REGS, bytes(registers))
    fcntl.ioctl(processor, _RUN, 0)
    (reason,) = struct.unpack_from("I", state, _EXIT_REASON_AT)
    return bool(reason == _EXIT_HLT)
