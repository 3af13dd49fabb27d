# SPDX-License-Identifier: Apache-2.0
"""immutable.py yes|no FILE: set or take away the flag of FILE that `chattr +i` sets."""

from __future__ import annotations

import fcntl
import json
import os
import struct
import sys

GET_FLAGS, SET_FLAGS, IMMUTABLE = 0x80086601, 0x40086602, 0x10

descriptor = os.open(sys.argv[2], os.O_RDONLY)
before = struct.unpack("l", fcntl.ioctl(descriptor, GET_FLAGS, struct.pack("l", 0)))[0]
after = before | IMMUTABLE if sys.argv[1] == "yes" else before & ~IMMUTABLE
fcntl.ioctl(descriptor, SET_FLAGS, struct.pack("l", after))
print(json.dumps(after))
